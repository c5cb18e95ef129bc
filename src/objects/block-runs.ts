import type { DataBlock } from '../ports/stored-objects.ts'

/** Maximum bytes of one request for blocks. A larger block has a request of its own. */
export const runBytesMax = 4 << 20
/** Maximum bytes between two blocks that one request reads: they cost less than a request. */
export const gapBytesMax = 8 << 10

/** Bytes from the first block to the end of the last, with the gaps between them. */
export function spanOf(run: readonly Pick<DataBlock, 'position' | 'bytes'>[]): number {
  const last = run.at(-1)!
  return last.position + last.bytes - run[0]!.position
}

/** Bytes between a block and the next; negative if that one is in front. */
export const gapBetween = (block: DataBlock, next: DataBlock): number => next.position - (block.position + block.bytes)

/** Whether one request reads this block after those of the run. */
export function continuesRun(run: readonly DataBlock[], block: DataBlock): boolean {
  const gap = gapBetween(run.at(-1)!, block)
  return gap >= 0 && gap <= gapBytesMax && block.position + block.bytes - run[0]!.position <= runBytesMax
}

/** Groups blocks in the order of their offsets into runs, each read with one request. */
export function* runsOf(blocks: Iterable<DataBlock>): Generator<DataBlock[], void, void> {
  let run: DataBlock[] = []
  for (const block of blocks) {
    if (run.length > 0 && !continuesRun(run, block)) {
      yield run
      run = []
    }
    run.push(block)
  }
  if (run.length > 0) yield run
}

/** The first block, and the next ones up to limits: of their bytes, and of their bytes with the gaps that are read with them. */
export function takeBlocks(blocks: Iterable<DataBlock>, bytesMax: number, spanMax: number): DataBlock[] {
  const taken: DataBlock[] = []
  let bytes = 0
  let span = 0
  for (const block of blocks) {
    const last = taken.at(-1)
    if (last !== undefined && (bytes >= bytesMax || span >= spanMax)) break
    const gap = last === undefined ? 0 : gapBetween(last, block)
    taken.push(block)
    bytes += block.bytes
    span += block.bytes + (gap > 0 && gap <= gapBytesMax ? gap : 0)
  }
  return taken
}
