import { assert } from '../../base/assert.ts'

/** Exports of `kernel/run.ts`. Addresses and sizes in bytes of the arena; times in milliseconds. */
export interface ValidationKernel {
  jobBytes(): number
  /** Called once for the memory of a job, before its first use. */
  prepare(job: number): void
  begin(job: number, window: number, windowBytes: number, batch: number, bytes: number, flags: number, oldest: number, newest: number): void
  /** `target` in milliseconds. */
  beginSearch(job: number, window: number, windowBytes: number, batch: number, bytes: number, least: number, target: bigint): void
  beginUnpack(job: number, window: number, windowBytes: number, codec: number, from: number, bytes: number): void
  extend(job: number, windowBytes: number): void
  run(job: number, budget: number): number
  outputBytes(job: number): number
  bestTimestamp(job: number): bigint
  bestDelta(job: number): number
  recordIndex(job: number): number
  rejectedCount(job: number): number
  rejectedRecord(job: number, i: number): number
  hasOtherMaxTimestamp(job: number): number
  setMaxTimestamp(job: number): void
}

/** Results of a run; see `kernel/job.ts`. */
export const runStatus = { done: 0, more: 1, damaged: 2, malformed: 3, window: 4, found: 5 } as const
/** See `kernel/job.ts`. */
export const jobFlags = { keys: 1 } as const

/** Size of a job in the arena. */
export const jobBytesMax = 160 << 10

/** `module` is compiled from `dist/validation.wasm`, or from `dist/decoding.wasm` if the memory is not shared. */
export function validationKernel(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory<ArrayBuffer | SharedArrayBuffer>,
): ValidationKernel {
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as ValidationKernel
  assert(exports.jobBytes() <= jobBytesMax, 'a validation job has room in the arena')
  return exports
}
