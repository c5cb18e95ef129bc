import type { WalBuffers } from '../../native-free-io/disk/wal-file.ts'
import { createArena, openArena } from '../../native-free-io/threads/arena.ts'
import { kernel, kernelBytes } from '../../src/pipeline/kernel/kernel.ts'
import { alignBlock, blockBytes } from '../../src/wal/wal-record.ts'

const pages = 96
const zeroBytes = 1 << 20

/** Memory for a WAL file in a test, and the address of its blocks for the test. */
export function walBuffers(): { readonly buffers: WalBuffers; readonly at: number } {
  const arena = openArena(createArena(pages))
  const superblock = alignBlock(kernelBytes)
  const zeros = { base: superblock + blockBytes, bytes: zeroBytes }
  return { buffers: { ...arena, crc: kernel(arena.memory).crc, superblock, zeros }, at: zeros.base + zeros.bytes }
}
