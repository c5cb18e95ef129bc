/** Counts what passed and prints what failed: file, case, difference. */
export class Tally {
  passed = 0
  readonly failures: string[] = []

  check(file: string, index: number, body: () => void): void {
    try {
      body()
      this.passed++
    } catch (error) {
      this.fail(file, index, error instanceof Error ? error.message : String(error))
    }
  }

  fail(file: string, index: number | undefined, validationError: string): void {
    this.failures.push(`${file}${index === undefined ? '' : ` case ${index}`}: ${validationError}`)
  }
}
