import type { RaftEffect, Vote, Voter } from '../../../src/raft/messages.ts'
import type { Ledger } from './ledger.ts'
import { SimLog, type StoredSnapshot } from './sim-log.ts'
import { violation } from './violation.ts'

export type DiskOperation =
  | Extract<RaftEffect, { readonly type: 'persist' }>
  | { readonly type: 'checkpoint'; readonly snapshot: StoredSnapshot }
  | { readonly type: 'install'; readonly ticket: number; readonly snapshot: StoredSnapshot; readonly isWhole: boolean }

/** What survives a crash. Operations become durable in their order; the first one may be done in part. */
export class SimDisk {
  readonly directory: string
  /** Formatted with the voters of the bootstrap checkpoint, not in place of a lost disk. */
  readonly isFirst: boolean
  vote: Vote = { epoch: 0, voted: undefined }
  readonly log = new SimLog(0, [])
  snapshots: StoredSnapshot[] = []
  readonly queue: DiskOperation[] = []
  readonly #ledger: Ledger

  constructor(directory: string, isFirst: boolean, ledger: Ledger) {
    this.directory = directory
    this.isFirst = isFirst
    this.#ledger = ledger
  }

  /** The last voter set on the disk. */
  voters(first: readonly Voter[]): readonly Voter[] {
    for (let i = this.log.batches.length - 1; i >= 0; i--) {
      const record = this.log.batches[i]!.control?.find(({ type }) => type === 'voters')
      if (record?.type === 'voters') return record.voters
    }
    const snapshot = this.snapshots.find(({ offset }) => offset === this.log.start)
    return snapshot !== undefined && snapshot.kraftVersion > 0 ? snapshot.voters : this.isFirst ? first : []
  }

  /** Applies the first operation. With `parts` it is torn: only that many of its parts are durable. */
  apply(operation: DiskOperation, parts = Number.POSITIVE_INFINITY): void {
    if (operation.type === 'persist') this.#persist(operation, parts)
    else if (operation.type === 'checkpoint') {
      if (parts > 0) this.snapshots.push(operation.snapshot)
    } else if (parts > 0 && operation.isWhole) {
      const { snapshot } = operation
      this.log.batches = []
      this.log.start = snapshot.offset
      this.snapshots = [snapshot]
    }
  }

  #persist({ vote, truncateTo, batches }: Extract<DiskOperation, { type: 'persist' }>, parts: number): void {
    let left = parts
    if (vote !== undefined && left-- > 0) this.#keepVote(vote)
    if (truncateTo !== undefined && left-- > 0) {
      this.#ledger.checkTruncation(this.log, truncateTo)
      this.log.truncate(truncateTo)
    }
    for (const batch of batches) {
      if (left-- <= 0) return
      this.log.append(batch)
      this.#ledger.visible(batch)
    }
  }

  /** Invariant 2: epoch and vote never go back. */
  #keepVote(vote: Vote): void {
    const { epoch, voted } = this.vote
    if (vote.epoch < epoch) violation(`2: the durable epoch goes back from ${epoch} to ${vote.epoch}`)
    const isOther = voted !== undefined && (vote.voted?.id !== voted.id || vote.voted.directory !== voted.directory)
    if (vote.epoch === epoch && isOther) violation(`2: the vote in epoch ${epoch} changes from ${voted.id} to ${vote.voted?.id}`)
    this.vote = vote
  }

  dropBelow(offset: number): void {
    this.log.dropBelow(offset)
    this.snapshots = this.snapshots.filter((snapshot) => snapshot.offset >= offset)
  }
}
