import type { Batch, Voter } from '../../../src/raft/messages.ts'
import type { SimLog, StoredSnapshot } from './sim-log.ts'
import { mixed, violation } from './violation.ts'

/** What is true of all nodes together: leaders of epochs, contents of the log, committed records. Invariants by their numbers in the design. */
export class Ledger {
  readonly #leaders = new Map<number, string>()
  /** By epoch and base offset: the one batch that may be there. */
  readonly #batches = new Map<number, Batch>()
  readonly committed: Batch[] = []
  /** Hash of all committed records up to the end of a batch, by that offset. */
  readonly #hashes = new Map<number, number>([[0, 0]])
  #hash = 0
  /** End of the greatest acknowledged proposal. */
  acknowledged = 0
  commits = 0
  /** Disks forget what they had: only what a node can keep by itself is checked. */
  isAmnesic = false
  elections = 0

  get end(): number {
    const { length } = this.committed
    return length === 0 ? 0 : this.committed[length - 1]!.endOffset
  }

  elected(epoch: number, node: string, log: SimLog): void {
    this.elections++
    this.checkLeader(epoch, node)
    this.#checkCompleteness(log)
  }

  checkLeader(epoch: number, node: string): void {
    if (this.isAmnesic) return
    const other = this.#leaders.get(epoch)
    if (other === undefined) this.#leaders.set(epoch, node)
    else if (other !== node) violation(`1: epoch ${epoch} has the leaders ${other} and ${node}`)
  }

  #checkCompleteness(log: SimLog): void {
    if (this.isAmnesic) return
    if (log.end < this.end) violation(`5: a leader's log ends at ${log.end}, and ${this.end} is committed`)
    for (const batch of log.batches) {
      const committed = this.at(batch.baseOffset)
      if (committed !== undefined && committed !== batch)
        violation(`5: a leader has another record at ${batch.baseOffset} than the committed one`)
    }
  }

  /** The committed batch that contains an offset. */
  at(offset: number): Batch | undefined {
    const { committed } = this
    let low = 0
    let high = committed.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (committed[middle]!.endOffset <= offset) low = middle + 1
      else high = middle
    }
    return committed[low]
  }

  /** Invariant 4: equal offset and epoch have equal contents, once they are durable or were sent. */
  visible(batch: Batch): void {
    if (this.isAmnesic) return
    const key = batch.epoch * 2 ** 32 + batch.baseOffset
    const other = this.#batches.get(key)
    if (other === undefined) this.#batches.set(key, batch)
    else if (other !== batch) violation(`4: two contents at offset ${batch.baseOffset} of epoch ${batch.epoch}`)
  }

  /** Invariant 6: every node applies the same records. True when the batch is committed for the first time. */
  applied(batch: Batch): boolean {
    if (this.isAmnesic) return false
    if (batch.baseOffset >= this.end) {
      if (batch.baseOffset !== this.end) violation(`6: records are committed without a gap, not at ${batch.baseOffset} behind ${this.end}`)
      this.committed.push(batch)
      this.#hash = mixed(mixed(this.#hash, batch.baseOffset), batch.epoch)
      this.#hashes.set(batch.endOffset, this.#hash)
      this.commits++
      return true
    }
    if (this.at(batch.baseOffset) !== batch) violation(`6: two committed records at offset ${batch.baseOffset}`)
    return false
  }

  /** Hash of the committed records below an offset, which is the end of a batch. */
  hashAt(offset: number): number {
    const hash = this.#hashes.get(offset)
    if (hash === undefined) violation(`7: offset ${offset} of a snapshot is not the end of a committed batch`)
    return hash
  }

  checkSnapshot({ offset, hash, epoch }: StoredSnapshot): void {
    if (offset > this.end) violation(`7: a snapshot ends at ${offset}, and only ${this.end} is committed`)
    if (this.hashAt(offset) !== hash) violation(`7: the snapshot at ${offset} differs from a replay of the log`)
    if (this.at(offset - 1)?.epoch !== epoch) violation(`7: the snapshot at ${offset} has another epoch than its last record`)
  }

  /** A committed record is never removed from a disk that has it. */
  checkTruncation(log: SimLog, to: number): void {
    if (this.isAmnesic) return
    for (let i = log.indexOf(to); i < log.batches.length; i++) {
      const batch = log.batches[i]!
      if (this.at(batch.baseOffset) === batch) violation(`5: the committed record at ${batch.baseOffset} is truncated`)
    }
  }

  /** Invariant 8. */
  checkVoters(log: SimLog, first: readonly Voter[]): void {
    if (this.isAmnesic) return
    let before = first
    let uncommitted = 0
    for (const batch of log.batches) {
      const record = batch.control?.find(({ type }) => type === 'voters')
      if (record?.type !== 'voters') continue
      const change = difference(before, record.voters)
      if (change > 1) violation(`8: the voter sets of offset ${batch.baseOffset} and before it differ by ${change} voters`)
      if (change > 0 && batch.baseOffset >= this.end) uncommitted++
      before = record.voters
    }
    if (uncommitted > 1) violation(`8: ${uncommitted} uncommitted changes of the voters`)
  }

  /** Invariant 9: acknowledged after it is committed, and behind all that was acknowledged before it was proposed. */
  acknowledge(endOffset: number, acknowledgedBefore: number): void {
    if (this.isAmnesic) return
    if (endOffset > this.end) violation(`9: a proposal up to ${endOffset} is acknowledged, and only ${this.end} is committed`)
    if (endOffset <= acknowledgedBefore)
      violation(`9: a proposal is before ${acknowledgedBefore}, which was acknowledged before it was made`)
    this.acknowledged = Math.max(this.acknowledged, endOffset)
  }
}

/** Voters that are in one set only. A static voter has no directory yet. */
function difference(a: readonly Voter[], b: readonly Voter[]): number {
  const isIn = (voters: readonly Voter[], { id, directory }: Voter): boolean =>
    voters.some((each) => each.id === id && (each.directory === directory || each.directory === '' || directory === ''))
  return a.filter((voter) => !isIn(b, voter)).length + b.filter((voter) => !isIn(a, voter)).length
}
