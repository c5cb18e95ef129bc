const barWidth = 24
const lineEveryMs = 5000

/** A bar that redraws itself on a terminal; elsewhere an occasional line, so that logs stay readable. */
export class Progress {
  readonly #stepCount: number
  readonly #isTerminal = process.stderr.isTTY === true
  readonly #began = performance.now()
  #step = 0
  #name = ''
  #printedAt = 0

  constructor(stepCount: number) {
    this.#stepCount = stepCount
  }

  start(name: string): void {
    this.#step += 1
    this.#name = name
    this.show('')
  }

  show(detail: string): void {
    const share = (this.#step - 1) / this.#stepCount
    const text = `${this.#step}/${this.#stepCount} ${this.#elapsed()} ${this.#name}${detail && `  ${detail}`}`
    if (this.#isTerminal) {
      const full = Math.round(share * barWidth)
      process.stderr.write(`\r\x1b[K[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${text}`)
    } else if (performance.now() - this.#printedAt >= lineEveryMs) {
      this.#printedAt = performance.now()
      process.stderr.write(`${text}\n`)
    }
  }

  /** A line that stays. */
  line(text: string): void {
    process.stderr.write(`${this.#isTerminal ? '\r\x1b[K' : ''}${this.#name} ${text}\n`)
  }

  end(): void {
    if (this.#isTerminal) process.stderr.write('\r\x1b[K')
  }

  #elapsed(): string {
    const all = Math.round((performance.now() - this.#began) / 1000)
    return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, '0')}`
  }
}
