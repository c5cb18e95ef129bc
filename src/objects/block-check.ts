import { getI64 } from '../base/long.ts'
import type { DataBlock } from '../ports/stored-objects.ts'
import { batchHeader, lengthOverhead, magic } from '../wire/record-batch.ts'

/** Index entry of a block, as far as its bytes are compared with it. */
export type BlockClaim = Pick<DataBlock, 'baseOffset' | 'end' | 'bytes' | 'crc'>

/** Whether the bytes at `at` are the block of the index. `crc` returns the CRC-32C of bytes of the view, signed. */
export function isBlock(view: DataView, at: number, block: BlockClaim, crc: (at: number, bytes: number) => number): boolean {
  return block.crc === null ? isBatch(view, at, block, crc) : crc(at, block.bytes) === block.crc
}

/** The checksum of a batch does not cover its base offset, its length and its leader epoch. The index contains the first two. */
function isBatch(view: DataView, at: number, { baseOffset, end, bytes }: BlockClaim, crc: (at: number, bytes: number) => number): boolean {
  return (
    bytes >= batchHeader.bytes &&
    getI64(view, at + batchHeader.baseOffset) === baseOffset &&
    lengthOverhead + view.getInt32(at + batchHeader.batchLength) === bytes &&
    view.getInt8(at + batchHeader.magic) === magic &&
    baseOffset + view.getInt32(at + batchHeader.lastOffsetDelta) + 1 === end &&
    crc(at + batchHeader.attributes, bytes - batchHeader.attributes) === view.getInt32(at + batchHeader.crc)
  )
}
