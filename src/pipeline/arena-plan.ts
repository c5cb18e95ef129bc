import { assert } from '../base/assert.ts'
import { signalBytes } from '../ring/layout.ts'
import { type RingLayout, ringBytes } from '../ring/ring.ts'
import { blockBytes } from '../wal/wal-record.ts'
import { counterBlockBytes } from './counters.ts'
import { kernelBytes } from './kernel/kernel.ts'
import { laneHeader } from './lane-words.ts'
import { jobBytesMax } from './validation/validation-kernel.ts'
import type { ValidationSlot } from './validation/validator.ts'

const pageBytes = 65536
/** A Produce request takes 8 words per partition; a fetch takes 6 words per partition, and its answer up to 12. */
const appendRingWords = 1 << 16
const readRingWords = 1 << 17
const answerRingWords = 1 << 18
const scratchBytes = 64 << 10
/** Size of the block of zeros that is written to prepare the WAL. */
const zeroBytes = 1 << 20
/** Size of the buffer for batches that the main thread appends. */
const stagingBytes = 2 << 20

/**
 * Window buffers for validation. Only the part that the decoded output needs is touched. The buffer of a network worker has room for its
 * limit of inline output and one more block. The buffer of a validator thread has room for 8 MiB of history and 8 MiB of output, so that
 * the history is moved once every 8 MiB.
 */
const inlineWindowBytes = (2 << 20) + (256 << 10)
export const threadWindowBytes = (16 << 20) + (512 << 10)
const slotsPerValidator = 4
const jobRingWords = 1 << 12
const resultRingWords = 1 << 16

/** The rings between a network worker and the sequencer of a lane. */
export interface LaneRings {
  readonly appends: RingLayout
  readonly reads: RingLayout
  readonly answers: RingLayout
}

/** Layout of a network worker's part of the arena. Addresses in bytes; rings and wake signals as indices of words. */
export interface NetworkLayout {
  /** By lane. */
  readonly rings: readonly LaneRings[]
  readonly signal: number
  readonly counters: number
  /** Scratch buffer; see `RequestReader`. */
  readonly scratch: { readonly base: number; readonly bytes: number }
  readonly receive: { readonly base: number; readonly bytes: number }
  /** For batches that the network worker validates inline. */
  readonly validation: ValidationSlot
}

/** A validator thread: a pair of rings for each network worker, and slots for the batches in progress. */
export interface ValidatorLayout {
  readonly signal: number
  readonly rings: readonly { readonly jobs: RingLayout; readonly results: RingLayout }[]
  readonly slots: readonly ValidationSlot[]
}

export interface LaneLayout {
  readonly header: number
  readonly sequencerSignal: number
  readonly persistenceSignal: number
  readonly sequencerCounters: number
  readonly persistenceCounters: number
  /** Address for results of the kernel. */
  readonly scratch: number
  readonly log: { readonly base: number; readonly bytes: number }
  /** A block for the superblock of the WAL. */
  readonly superblock: number
  /** A block for threads that open the WAL while the main thread may be writing the superblock. */
  readonly spareBlock: number
  /** Buffer for batches that the main thread appends. */
  readonly staging: { readonly base: number; readonly bytes: number }
  /** Wake signal of the main thread, raised when the durable position advances. */
  readonly mainSignal: number
}

export interface ArenaPlan {
  readonly pages: number
  readonly network: readonly NetworkLayout[]
  readonly validators: readonly ValidatorLayout[]
  readonly lanes: readonly LaneLayout[]
  readonly zeros: { readonly base: number; readonly bytes: number }
  /** Number of open connections of all network workers: index of a word. */
  readonly connections: number
}

export interface ArenaSizes {
  readonly networkWorkers: number
  readonly lanes: number
  readonly validators: number
  /** Receive buffers of each network worker, bytes. */
  readonly receive: number
  /** Log cache of each lane, bytes. */
  readonly log: number
  /** The only network worker is also the sequencer of the only lane, with one wake signal for both. */
  readonly inline: boolean
}

/** Divides the arena, which is at most 4 GiB. */
export function planArena(sizes: ArenaSizes): ArenaPlan {
  assert(!sizes.inline || (sizes.networkWorkers === 1 && sizes.lanes === 1), 'one network worker sequences one lane')
  let at = kernelBytes
  const take = (bytes: number, alignment: number): number => {
    const start = Math.ceil(at / alignment) * alignment
    at = start + bytes
    return start
  }
  const words = (bytes: number): number => take(bytes, 128) / 4
  const ring = (capacityWords: number): RingLayout => ({ at: words(ringBytes(capacityWords)), capacityWords })

  const slot = (windowBytes: number): ValidationSlot => ({
    job: take(jobBytesMax, 128),
    window: take(windowBytes, pageBytes),
    windowBytes,
  })

  const shares = Array.from({ length: sizes.lanes }, () => ({
    superblock: take(blockBytes, blockBytes),
    spareBlock: take(blockBytes, blockBytes),
    staging: { base: take(stagingBytes, blockBytes), bytes: stagingBytes },
    mainSignal: words(signalBytes),
    header: words(laneHeader.bytes),
    sequencerSignal: words(signalBytes),
    persistenceSignal: words(signalBytes),
    sequencerCounters: take(counterBlockBytes, 128),
    persistenceCounters: take(counterBlockBytes, 128),
    scratch: take(128, 128),
  }))
  const zeros = { base: take(zeroBytes, blockBytes), bytes: zeroBytes }
  const connections = words(128)
  const layouts = Array.from({ length: sizes.networkWorkers }, () => ({
    rings: shares.map(() => ({ appends: ring(appendRingWords), reads: ring(readRingWords), answers: ring(answerRingWords) })),
    signal: words(signalBytes),
    counters: take(counterBlockBytes, 128),
    scratch: { base: take(scratchBytes, pageBytes), bytes: scratchBytes },
    validation: slot(inlineWindowBytes),
  }))
  const validators = Array.from({ length: sizes.validators }, () => ({
    signal: words(signalBytes),
    rings: layouts.map(() => ({ jobs: ring(jobRingWords), results: ring(resultRingWords) })),
    slots: Array.from({ length: slotsPerValidator }, () => slot(threadWindowBytes)),
  }))
  const network = layouts.map((layout) => ({ ...layout, receive: { base: take(sizes.receive, pageBytes), bytes: sizes.receive } }))
  const lanes = shares.map((share) => ({
    ...share,
    sequencerSignal: sizes.inline ? network[0]!.signal : share.sequencerSignal,
    log: { base: take(sizes.log, pageBytes), bytes: sizes.log },
  }))
  const pages = Math.ceil(at / pageBytes) + 1
  assert(pages <= 65536, 'the arena is at most 4 GiB')
  return { pages, network, validators, lanes, zeros, connections }
}
