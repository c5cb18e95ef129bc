import { FetchRequest, FetchResponse } from '../../src/wire/api/01-fetch.ts'
import { batchAt, batchBytes, isBatchError, lastOffset } from '../../src/wire/record-batch.ts'
import { inOnePiece } from '../../src/wire/slices.ts'
import type { WireClient } from '../support/wire-client.ts'
import { type Ledger, topic, zeroId } from './storm-ledger.ts'

/** What was read of a partition, up to where. */
export interface Read {
  readonly partition: number
  readonly end: bigint
}

/** A consumer as simple as one can be, for either protocol. */
export abstract class StormMember {
  state: 'running' | 'leaving' | 'dead' = 'running'
  /** Partitions and where to read on. */
  readonly owned = new Map<number, bigint>()
  readonly client: WireClient
  readonly ledger: Ledger

  constructor(client: WireClient, ledger: Ledger) {
    this.client = client
    this.ledger = ledger
  }

  /** Resolves when it has left or is dead. */
  async live(): Promise<void> {
    try {
      await this.run()
    } catch (error) {
      if (this.state !== 'dead') this.ledger.violations.push(`a member failed: ${(error as Error).message}`)
    }
  }

  protected abstract run(): Promise<void>

  die(): void {
    this.state = 'dead'
    this.release()
    this.client.close()
  }

  /** Whether it died while it waited for an answer. */
  protected isOver(): boolean {
    return this.state === 'dead'
  }

  protected release(): void {
    for (const partition of this.owned.keys()) this.ledger.lost(partition)
    this.owned.clear()
  }

  protected async fetch(): Promise<Read[]> {
    const partitions = [...this.owned].map(([partition, fetchOffset]) => ({
      partition,
      fetchOffset,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      logStartOffset: -1n,
      partitionMaxBytes: 1 << 16,
      replicaDirectoryId: zeroId,
      highWatermark: 2n ** 63n - 1n,
    }))
    const wanted = { maxWaitMs: 200, minBytes: 1, maxBytes: 1 << 22, sessionEpoch: -1, topics: [{ topic, topicId: zeroId, partitions }] }
    const { responses } = await this.client.call(FetchRequest, FetchResponse, 11, wanted)
    return (responses[0]?.partitions ?? []).flatMap(({ partitionIndex, records }) => {
      const end = endOf(inOnePiece(records ?? Buffer.alloc(0)))
      return end === undefined ? [] : [{ partition: partitionIndex, end }]
    })
  }

  /** A member that is dead by now has not processed what it read. */
  protected process(read: readonly Read[]): boolean {
    if (this.state === 'dead') return false
    for (const { partition, end } of read) {
      this.ledger.read(partition, this.owned.get(partition)!, end)
      this.owned.set(partition, end)
    }
    return true
  }
}

export const commitsOf = (read: readonly Read[]) =>
  read.map(({ partition, end }) => ({ partitionIndex: partition, committedOffset: end, committedLeaderEpoch: -1, committedMetadata: '' }))

/** Offset behind the last whole batch. */
function endOf(bytes: Buffer): bigint | undefined {
  let end: bigint | undefined
  for (let at = 0; at < bytes.length; ) {
    const header = batchAt(bytes, at)
    if (isBatchError(header)) break
    end = lastOffset(header) + 1n
    at += batchBytes(header)
  }
  return end
}
