import { type CoordinatorLog, type Leadership, type PartitionId, PartitionNotServed } from '../../../src/ports/partitions.ts'
import { batchHeader, lastOffset, readBatchHeader } from '../../../src/wire/record-batch.ts'

/** Logs in memory that become durable when the test decides, or at once. */
export class MemoryPartitionLog implements CoordinatorLog {
  readonly batches = new Map<PartitionId, Buffer[]>()
  appends = 0
  /** Appends to these partitions in another epoch are rejected. */
  readonly leaderEpochs = new Map<PartitionId, number>()
  /** While it is set, appends wait in it. */
  held: (() => void)[] | undefined

  append({ partitionId, leaderEpoch }: Leadership, batches: readonly Uint8Array[]): Promise<readonly bigint[]> {
    if ((this.leaderEpochs.get(partitionId) ?? leaderEpoch) !== leaderEpoch) return Promise.reject(new PartitionNotServed('another epoch'))
    this.appends++
    return new Promise((resolve) => {
      const finish = (): void => resolve(batches.map((batch) => this.#put(partitionId, Buffer.from(batch))))
      if (this.held === undefined) finish()
      else this.held.push(finish)
    })
  }

  /** While it is set, reads wait for it. */
  reading: Promise<void> | undefined

  async read(partitionId: PartitionId, offset: bigint, bytesMax: number): Promise<Uint8Array> {
    await this.reading
    const found: Buffer[] = []
    let bytes = 0
    for (const batch of this.batches.get(partitionId) ?? []) {
      if (lastOffset(headerOf(batch)) < offset) continue
      if (found.length > 0 && bytes + batch.length > bytesMax) break
      found.push(batch)
      bytes += batch.length
    }
    return Buffer.concat(found)
  }

  release(): void {
    for (const finish of this.held!.splice(0)) finish()
  }

  #put(partitionId: PartitionId, batch: Buffer): bigint {
    const batches = this.batches.get(partitionId) ?? []
    this.batches.set(partitionId, batches)
    const last = batches.at(-1)
    const base = last === undefined ? 0n : lastOffset(headerOf(last)) + 1n
    batch.writeBigInt64BE(base, batchHeader.baseOffset)
    batches.push(batch)
    return base
  }
}

const headerOf = (batch: Buffer) => readBatchHeader(new DataView(batch.buffer, batch.byteOffset, batch.length), 0)
