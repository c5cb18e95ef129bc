export const topic = 'storm'
export const groupId = 'storm'
export const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
export const sessionMs = 6000
export const rebalanceMs = 4000
export const beatMs = 500

/** What all members did, and what of it they should not have. */
export class Ledger {
  readonly produced: bigint[]
  readonly processed: bigint[]
  readonly violations: string[] = []
  readonly unownedSince: number[]
  longestUnowned = 0
  generations = 0
  reads = 0
  repeats = 0n
  readonly #owners = new Map<string, string>()
  readonly #readers = new Map<number, object>()

  constructor(partitions: number) {
    this.produced = Array.from({ length: partitions }, () => 0n)
    this.processed = Array.from({ length: partitions }, () => 0n)
    this.unownedSince = Array.from({ length: partitions }, () => Date.now())
  }

  gained(partition: number, generation: number, memberId: string): void {
    const key = `${generation}/${partition}`
    const owner = this.#owners.get(key)
    if (owner !== undefined && owner !== memberId) this.violations.push(`partition ${partition} of generation ${generation} has two owners`)
    this.#owners.set(key, memberId)
    this.generations = Math.max(this.generations, generation)
    this.longestUnowned = Math.max(this.longestUnowned, Date.now() - this.unownedSince[partition]!)
    this.unownedSince[partition] = Number.POSITIVE_INFINITY
  }

  lost(partition: number): void {
    this.unownedSince[partition] = Math.min(this.unownedSince[partition]!, Date.now())
  }

  /** A member begins to read a partition, which nobody may be reading then. */
  began(partition: number, reader: object): void {
    if (this.#readers.has(partition)) this.violations.push(`partition ${partition} is read by two members`)
    this.#readers.set(partition, reader)
    this.longestUnowned = Math.max(this.longestUnowned, Date.now() - this.unownedSince[partition]!)
    this.unownedSince[partition] = Number.POSITIVE_INFINITY
  }

  ended(partition: number, reader: object): void {
    if (this.#readers.get(partition) === reader) this.#readers.delete(partition)
    this.lost(partition)
  }

  read(partition: number, from: bigint, end: bigint): void {
    const known = this.processed[partition]!
    if (from > known) this.violations.push(`partition ${partition} was read from ${from} on, and only ${known} was processed`)
    if (from < known) this.repeats += known < end ? known - from : end - from
    if (end > known) this.processed[partition] = end
    this.reads++
  }

  get isDrained(): boolean {
    return this.produced.every((end, partition) => this.processed[partition] === end)
  }
}
