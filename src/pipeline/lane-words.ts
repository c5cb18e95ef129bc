import { layout } from '../base/layout.ts'
import { blockBytes } from '../wal/wal-record.ts'

/** Shared state of the two threads of a lane and the network workers, besides ring messages. Positions count blocks and wrap. */
export const laneTable = {
  published: { line: 0, writer: 'sequencer', about: 'end of what may be written, in blocks' },
  answersBlocked: { line: 0, writer: 'sequencer', about: '1 while an answer waits for room in a ring' },
  writerIdle: { line: 1, writer: 'persistence', about: '1 while everything published is durable' },
  durable: { line: 1, writer: 'persistence', about: 'end of what is durable, in blocks' },
  prepared: { line: 1, writer: 'persistence', about: 'what has been written once from the start of the log, in blocks' },
  trimmed: { line: 2, writer: 'main', about: 'start of what the log keeps, in blocks' },
  commands: { line: 2, writer: 'main', about: 'commands posted so far' },
  stop: { line: 2, writer: 'main', about: '1 stops the sequencer, 2 persistence too' },
} as const

export const laneHeader = layout(laneTable)

/** Converts a wrapping count of blocks to a 53-bit position, given a position that is less than 2^31 blocks away. */
export function widen(blocks: number, near: number): number {
  const nearBlocks = Math.floor(near / blockBytes)
  return (nearBlocks + ((blocks - (nearBlocks | 0)) | 0)) * blockBytes
}

export const narrow = (position: number): number => (position / blockBytes) | 0
