import type { CoordinatorLog, PartitionId } from '../ports/partitions.ts'
import type { Codecs } from '../wire/compression/codecs.ts'
import { attribute, batchAt, batchBytes, isRefusal, lastOffset } from '../wire/record-batch.ts'
import { readRecords } from '../wire/records.ts'
import { decodeGroupRecord, type GroupRecord } from './records.ts'

/** Maximum decompressed size of a batch. */
const unpackedBytesMax = 256 << 20

/** Reads a partition of the offsets topic from its start to its end, chunk by chunk. */
export async function* groupRecords(
  log: CoordinatorLog,
  partitionId: PartitionId,
  codecs: Codecs,
  bytesMax: number,
): AsyncGenerator<readonly GroupRecord[]> {
  for (let offset = 0n; ; ) {
    const piece = await log.read(partitionId, offset, bytesMax)
    if (piece.length === 0) return
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    const found: GroupRecord[] = []
    for (let at = 0; at < bytes.length; ) {
      const header = batchAt(bytes, at)
      if (isRefusal(header)) throw new Error(`a batch of the offsets topic, partition id ${partitionId}, is damaged: ${header.because}`)
      if ((header.attributes & attribute.control) === 0) {
        for (const record of readRecords(bytes, at, header, codecs, unpackedBytesMax)) {
          if (record.offset < offset || record.key === null) continue
          const decoded = decodeGroupRecord(record.key, record.value)
          if (decoded !== undefined) found.push(decoded)
        }
      }
      offset = lastOffset(header) + 1n
      at += batchBytes(header)
    }
    yield found
  }
}
