import { errors } from '../../wire/errors.ts'
import { attribute, batchHeader, codecs, lengthOverhead, magic } from '../../wire/record-batch.ts'
import { reason } from '../ring-messages.ts'

export interface BatchError {
  readonly error: number
  readonly reason: number
}

const notOne: BatchError = { error: errors.INVALID_RECORD.code, reason: reason.notOneBatch }
const corrupt: BatchError = { error: errors.CORRUPT_MESSAGE.code, reason: reason.notOneBatch }
const tooOld: BatchError = { error: errors.UNSUPPORTED_COMPRESSION_TYPE.code, reason: reason.zstd }

/**
 * The reason why the bytes of a produced partition are not one batch of format 2, as far as the header shows. Source: Kafka's
 * ProduceRequest.
 */
export function oneBatchError(view: DataView, address: number, bytes: number, beforeZstd: boolean): BatchError | undefined {
  if (bytes < batchHeader.bytes) return notOne
  const found = view.getInt8(address + batchHeader.magic)
  if (found < 0 || found > magic) return corrupt
  if (found !== magic) return notOne
  const length = view.getInt32(address + batchHeader.batchLength) + lengthOverhead
  if (length < batchHeader.bytes) return corrupt
  if (length > bytes) return notOne
  const codec = view.getInt16(address + batchHeader.attributes) & attribute.codec
  if (codec === codecs.zstd && beforeZstd) return tooOld
  return length === bytes ? undefined : notOne
}
