import { assert } from '../../base/assert.ts'

/** What `kernel/run.ts` exports. Addresses and sizes in bytes of the arena; times in milliseconds. */
export interface ValidationKernel {
  jobBytes(): number
  /** Once for the memory of a job, before it begins for the first time. */
  prepare(job: number): void
  begin(job: number, window: number, windowBytes: number, batch: number, bytes: number, flags: number, oldest: number, newest: number): void
  run(job: number, budget: number): number
  recordIndex(job: number): number
  refusedCount(job: number): number
  refusedRecord(job: number, i: number): number
  hasOtherMaxTimestamp(job: number): number
  setMaxTimestamp(job: number): void
}

/** How a run ends; see `kernel/job.ts`. */
export const runStatus = { done: 0, more: 1, damaged: 2, malformed: 3, window: 4 } as const
/** See `kernel/records.ts`. */
export const jobFlags = { keys: 1 } as const

/** Room for a job in the arena. */
export const jobBytesMax = 160 << 10

/** `module` is compiled from `dist/validation.wasm`. */
export function validationKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): ValidationKernel {
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as ValidationKernel
  assert(exports.jobBytes() <= jobBytesMax, 'a validation job has room in the arena')
  return exports
}
