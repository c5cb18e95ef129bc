import { assert } from '../base/assert.ts'
import { bellBytes } from '../ring/layout.ts'
import { type RingPlace, ringBytes } from '../ring/ring.ts'
import { blockBytes } from '../wal/wal-record.ts'
import { counterBlockBytes } from './counters.ts'
import { kernelBytes } from './kernel/kernel.ts'
import { laneHeader } from './lane-words.ts'
import { jobBytesMax } from './validation/validation-kernel.ts'
import type { ValidationSlot } from './validation/validator.ts'

const pageBytes = 65536
/** A produce request is 8 words a partition; a fetch 6 words a partition, and its answer up to 12. */
const appendRingWords = 1 << 16
const readRingWords = 1 << 17
const answerRingWords = 1 << 18
const landingBytes = 64 << 10
/** Zeros that are written to prepare the write-ahead log. */
const zeroBytes = 1 << 20
/** Batches of the main thread's own on their way to the sequencer. */
const stagingBytes = 2 << 20

/**
 * Window buffers of validation, touched only as far as a batch decodes to. That of a network worker holds the output that it has time
 * for and one more block; that of a validator thread, 8 MiB of history and as much output, so that history is moved once in 8 MiB.
 */
const inlineWindowBytes = (2 << 20) + (256 << 10)
export const threadWindowBytes = (16 << 20) + (512 << 10)
const slotsPerValidator = 4
const jobRingWords = 1 << 12
const verdictRingWords = 1 << 16

/** Where a network worker's share of the arena lies. Addresses in bytes; rings and signals as indices of words. */
export interface NetworkPlace {
  readonly appends: RingPlace
  readonly reads: RingPlace
  readonly answers: RingPlace
  readonly signal: number
  readonly counters: number
  /** See `Intake`. */
  readonly landing: { readonly base: number; readonly bytes: number }
  readonly receive: { readonly base: number; readonly bytes: number }
  /** For the batches that it validates itself. */
  readonly validation: ValidationSlot
}

/** A validator thread: a pair of rings for each network worker, and the batches that it advances side by side. */
export interface ValidatorPlace {
  readonly signal: number
  readonly rings: readonly { readonly jobs: RingPlace; readonly verdicts: RingPlace }[]
  readonly slots: readonly ValidationSlot[]
}

export interface LanePlace {
  readonly header: number
  readonly sequencerSignal: number
  readonly persistenceSignal: number
  readonly sequencerCounters: number
  readonly persistenceCounters: number
  /** For what the kernel reports. */
  readonly scratch: number
  readonly log: { readonly base: number; readonly bytes: number }
}

export interface ArenaPlan {
  readonly pages: number
  readonly network: readonly NetworkPlace[]
  readonly validators: readonly ValidatorPlace[]
  readonly lane: LanePlace
  /** A block for the log's superblock. */
  readonly superblock: number
  /** A block for the threads that open the log while the main thread may be writing the superblock. */
  readonly spareBlock: number
  readonly zeros: { readonly base: number; readonly bytes: number }
  /** What the main thread appends passes through here. */
  readonly staging: { readonly base: number; readonly bytes: number }
  /** The main thread's, rung when the log has become durable. */
  readonly mainSignal: number
}

/**
 * Divides the arena, which is at most 4 GiB. Sizes in bytes: `receive` for each network worker, `log` for the lane.
 * `inline`: the one network worker is the sequencer too, and has one signal for both.
 */
export function planArena(sizes: { networkWorkers: number; validators: number; receive: number; log: number; inline: boolean }): ArenaPlan {
  let at = kernelBytes
  const take = (bytes: number, alignment: number): number => {
    const start = Math.ceil(at / alignment) * alignment
    at = start + bytes
    return start
  }
  const words = (bytes: number): number => take(bytes, 128) / 4
  const ring = (capacityWords: number): RingPlace => ({ at: words(ringBytes(capacityWords)), capacityWords })

  const slot = (windowBytes: number): ValidationSlot => ({
    job: take(jobBytesMax, 128),
    window: take(windowBytes, pageBytes),
    windowBytes,
  })

  const superblock = take(blockBytes, blockBytes)
  const spareBlock = take(blockBytes, blockBytes)
  const zeros = { base: take(zeroBytes, blockBytes), bytes: zeroBytes }
  const staging = { base: take(stagingBytes, blockBytes), bytes: stagingBytes }
  const mainSignal = words(bellBytes)
  const shared = {
    header: words(laneHeader.bytes),
    sequencerSignal: words(bellBytes),
    persistenceSignal: words(bellBytes),
    sequencerCounters: take(counterBlockBytes, 128),
    persistenceCounters: take(counterBlockBytes, 128),
    scratch: take(128, 128),
  }
  const places = Array.from({ length: sizes.networkWorkers }, () => ({
    appends: ring(appendRingWords),
    reads: ring(readRingWords),
    answers: ring(answerRingWords),
    signal: words(bellBytes),
    counters: take(counterBlockBytes, 128),
    landing: { base: take(landingBytes, pageBytes), bytes: landingBytes },
    validation: slot(inlineWindowBytes),
  }))
  const validators = Array.from({ length: sizes.validators }, () => ({
    signal: words(bellBytes),
    rings: places.map(() => ({ jobs: ring(jobRingWords), verdicts: ring(verdictRingWords) })),
    slots: Array.from({ length: slotsPerValidator }, () => slot(threadWindowBytes)),
  }))
  const network = places.map((place) => ({ ...place, receive: { base: take(sizes.receive, pageBytes), bytes: sizes.receive } }))
  const sequencerSignal = sizes.inline ? network[0]!.signal : shared.sequencerSignal
  const lane = { ...shared, sequencerSignal, log: { base: take(sizes.log, pageBytes), bytes: sizes.log } }
  const pages = Math.ceil(at / pageBytes) + 1
  assert(pages <= 65536, 'the arena is at most 4 GiB')
  return { pages, network, validators, lane, superblock, spareBlock, zeros, staging, mainSignal }
}
