import type { CoordinatorLog, PartitionId } from '../ports/partitions.ts'
import type { Codecs } from '../wire/compression/codecs.ts'
import { attribute, batchAt, batchBytes, isBatchError, lastOffset } from '../wire/record-batch.ts'
import { readRecords } from '../wire/records.ts'

/** Maximum decompressed size of a batch. */
const unpackedBytesMax = 256 << 20

/** Reads a partition of an internal topic from its start to its end, chunk by chunk. Records that `decode` does not support are skipped. */
export async function* storedRecords<Stored>(
  log: CoordinatorLog,
  partitionId: PartitionId,
  codecs: Codecs,
  bytesMax: number,
  decode: (key: Buffer, value: Buffer | null) => Stored | undefined,
): AsyncGenerator<readonly Stored[]> {
  for (let offset = 0n; ; ) {
    const chunk = await log.read(partitionId, offset, bytesMax)
    if (chunk.length === 0) return
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    const found: Stored[] = []
    for (let at = 0; at < bytes.length; ) {
      const header = batchAt(bytes, at)
      if (isBatchError(header)) throw new Error(`a batch of an internal topic, partition id ${partitionId}, is damaged: ${header.because}`)
      if ((header.attributes & attribute.control) === 0) {
        for (const record of readRecords(bytes, at, header, codecs, unpackedBytesMax)) {
          if (record.offset < offset || record.key === null) continue
          const decoded = decode(record.key, record.value)
          if (decoded !== undefined) found.push(decoded)
        }
      }
      offset = lastOffset(header) + 1n
      at += batchBytes(header)
    }
    yield found
  }
}
