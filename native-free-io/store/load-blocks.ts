import { isFault } from '../../src/object-store/store-faults.ts'
import { type BlockClaim, isBlock } from '../../src/objects/block-check.ts'
import { spanOf } from '../../src/objects/block-runs.ts'
import { damaged, triesMax } from '../../src/objects/object-reads.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'

/** A block of a run, as its load needs it. */
export interface RequestedBlock extends BlockClaim {
  readonly position: number
}

export interface RequestedRun {
  /** Address in the block cache. */
  readonly address: number
  readonly blocks: readonly RequestedBlock[]
}

/** The block cache, and operations on its memory. */
export interface BlockRoom {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** CRC-32C, signed. */
  crc(address: number, bytes: number): number
  /** The regions may overlap. */
  move(to: number, from: number, bytes: number): void
}

/** Reads runs of blocks of an object into the block cache. Returns when no request is in progress any more, also after a fault. */
export async function loadRuns(
  from: ObjectStore,
  key: string,
  runs: readonly RequestedRun[],
  room: BlockRoom,
): Promise<StoreFault | undefined> {
  const faults = await Promise.all(runs.map((run) => loadRun(from, key, run, room)))
  return faults.find((fault) => fault !== undefined)
}

async function loadRun(
  from: ObjectStore,
  key: string,
  { address, blocks }: RequestedRun,
  room: BlockRoom,
): Promise<StoreFault | undefined> {
  const { position } = blocks[0]!
  const bytes = spanOf(blocks)
  const isRight = (block: RequestedBlock): boolean => isBlock(room.view, address + (block.position - position), block, room.crc)
  for (let tries = 1; ; tries++) {
    const found = await from.get(key, position, position + bytes, room.bytes.subarray(address, address + bytes))
    if (isFault(found)) return found
    if (found.length === bytes && blocks.every(isRight)) break
    if (tries === triesMax) return damaged(key, position, bytes, tries)
  }
  moveTogether(address, blocks, room)
  return undefined
}

/** Moves the blocks over their gaps: an answer with small batches is one range in place of thousands. */
function moveTogether(address: number, blocks: readonly RequestedBlock[], room: BlockRoom): void {
  let to = address
  for (const block of blocks) {
    const from = address + (block.position - blocks[0]!.position)
    if (from !== to) room.move(to, from, block.bytes)
    to += block.bytes
  }
}
