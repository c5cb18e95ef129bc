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
  // For many runs a request each costs more than a copy; for one run it is the other way round.
  if (from.gather !== undefined && runs.length > 1) return gatherBlocks(from, key, runs.flatMap(placesOf), room)
  const faults = await Promise.all(runs.map((run) => loadRun(from, key, run, room)))
  return faults.find((fault) => fault !== undefined)
}

interface PlacedBlock {
  readonly block: RequestedBlock
  readonly address: number
}

/** Addresses of the blocks without their gaps. */
function placesOf({ address, blocks }: RequestedRun): PlacedBlock[] {
  let next = address
  return blocks.map((block) => {
    next += block.bytes
    return { block, address: next - block.bytes }
  })
}

/** The store reads each block to its final address. */
async function gatherBlocks(
  from: ObjectStore,
  key: string,
  places: readonly PlacedBlock[],
  { bytes, view, crc }: BlockRoom,
): Promise<StoreFault | undefined> {
  const pieces = places.map(({ block, address }) => ({ position: block.position, into: bytes.subarray(address, address + block.bytes) }))
  for (let tries = 1; ; tries++) {
    const found = await from.gather!(key, pieces)
    if (isFault(found)) return found
    const wrong = places.find(({ block, address }) => !isBlock(view, address, block, crc))
    if (found && wrong === undefined) return undefined
    const { position, bytes: size } = (wrong ?? places.at(-1)!).block
    if (tries === triesMax) return damaged(key, position, size, tries)
  }
}

async function loadRun(from: ObjectStore, key: string, run: RequestedRun, room: BlockRoom): Promise<StoreFault | undefined> {
  const { address, blocks } = run
  const { position } = blocks[0]!
  const bytes = spanOf(blocks)
  const isRight = (block: RequestedBlock): boolean => isBlock(room.view, address + (block.position - position), block, room.crc)
  for (let tries = 1; ; tries++) {
    const found = await from.get(key, position, position + bytes, room.bytes.subarray(address, address + bytes))
    if (isFault(found)) return found
    if (found.length === bytes && blocks.every(isRight)) break
    if (tries === triesMax) return damaged(key, position, bytes, tries)
  }
  moveTogether(run, room)
  return undefined
}

/** Moves the blocks over their gaps: an answer with small batches is one range in place of thousands. */
function moveTogether(run: RequestedRun, room: BlockRoom): void {
  for (const { block, address } of placesOf(run)) {
    const from = run.address + (block.position - run.blocks[0]!.position)
    if (from !== address) room.move(address, from, block.bytes)
  }
}
