import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './root.ts'

/** Exports of the validation kernel. See `src/pipeline/validation/kernel`. */
interface Exports {
  jobBytes(): number
  prepare(at: number): void
  begin(at: number, window: number, windowBytes: number, from: number, bytes: number, flags: number, oldest: number, newest: number): void
  run(at: number, budget: number): number
  rejectedCount(at: number): number
}

export const results = ['done', 'more', 'damaged', 'malformed', 'window'] as const
export type KernelResult = (typeof results)[number]

const sources = join(root, 'src', 'pipeline', 'validation', 'kernel')

/** The module, compiled again if a source of it is newer. */
export const validationModule = (): Promise<WebAssembly.Module> => moduleFrom('validation.wasm')
/** The same for a memory that is not shared. */
export const decodingModule = (): Promise<WebAssembly.Module> => moduleFrom('decoding.wasm')

async function moduleFrom(file: string): Promise<WebAssembly.Module> {
  const binary = join(root, 'dist', file)
  const built = existsSync(binary) ? statSync(binary).mtimeMs : 0
  if (readdirSync(sources).some((name) => statSync(join(sources, name)).mtimeMs > built)) {
    const { compileKernel } = (await import(pathToFileURL(join(root, 'src', 'cli', 'kernel.mjs')).href)) as KernelCompiler
    await compileKernel(root)
  }
  return new WebAssembly.Module(readFileSync(binary))
}
interface KernelCompiler {
  compileKernel(root: string): Promise<void>
}

export interface BenchOptions {
  readonly windowBytes?: number
  readonly inputBytes?: number
}

const pageBytes = 65536
const canaryBytes = 4096
const canary = 0xa5
const canaries = Buffer.alloc(2 * pageBytes, canary)
/** Offsets of fields of a job, see `job.ts`. */
const field = { input: 0, window: 8, output: 16, budget: 28, dropped: 48, maxTimestamp: 88 } as const

/** Flags of `begin`. */
export const validationFlag = { keys: 1 } as const

/** One job of the kernel in a separate memory, with canaries around the memory that a job may write. */
export class KernelBench {
  readonly windowBytes: number
  readonly #exports: Exports
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #job: number
  readonly #jobBytes: number
  readonly #window: number
  readonly #input: number
  #length = 0

  constructor(module: WebAssembly.Module, { windowBytes = 1 << 20, inputBytes = 4 << 20 }: BenchOptions = {}) {
    const pages = Math.ceil((windowBytes + inputBytes + 1024 * 1024) / pageBytes)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
    this.#exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports
    this.#bytes = Buffer.from(memory.buffer)
    this.#view = new DataView(memory.buffer)
    this.windowBytes = windowBytes
    this.#jobBytes = this.#exports.jobBytes()
    this.#job = pageBytes
    this.#window = this.#job + align(this.#jobBytes) + canaryBytes
    this.#input = this.#window + align(windowBytes) + canaryBytes
    this.#bytes.fill(canary, 0, this.#input)
    this.#exports.prepare(this.#job)
  }

  /** Prepares the job for a batch, including its header. */
  begin(batch: Buffer, flags = 0): void {
    if (this.#input + batch.length + canaryBytes > this.#bytes.length) throw new Error(`a batch of ${batch.length} bytes has no room`)
    batch.copy(this.#bytes, this.#input)
    this.#length = batch.length
    this.#begin(flags)
  }

  /** Validates the previous batch again. */
  again(): KernelResult {
    this.#begin(0)
    return this.decide()
  }

  #begin(flags: number): void {
    this.#exports.begin(this.#job, this.#window, this.windowBytes, this.#input, this.#length, flags, -(2 ** 63), 2 ** 63 - 1024)
  }

  /** Runs until the batch has a result. `budget` is the limit of one run. */
  decide(budget = 1 << 30): KernelResult {
    let status: number
    do status = this.#exports.run(this.#job, budget)
    while (status === 1)
    return results[status] ?? 'more'
  }

  /** Runs once, and returns the part of the budget that was used. */
  run(budget: number): { readonly result: KernelResult; readonly work: number } {
    const result = results[this.#exports.run(this.#job, budget)] ?? 'more'
    return { result, work: budget - this.#view.getInt32(this.#job + field.budget, true) }
  }

  /** Number of decoded bytes. */
  get made(): number {
    return this.#word(field.dropped) + this.#word(field.output) - this.#window
  }

  /** Number of bytes that were moved out of the window buffer. */
  get dropped(): number {
    return this.#word(field.dropped)
  }

  /** Number of records of the batch that violate a rule of their topic. */
  get rejectedCount(): number {
    return this.#exports.rejectedCount(this.#job)
  }

  /** Maximum timestamp of the records of a completed batch. */
  get maxTimestamp(): bigint {
    return this.#view.getBigInt64(this.#job + field.maxTimestamp, true)
  }

  validate(batch: Buffer, budget?: number): KernelResult {
    this.begin(batch)
    return this.decide(budget)
  }

  /** Runs in steps and collects the output. */
  unpack(batch: Buffer): { readonly result: KernelResult; readonly output: Buffer } {
    this.begin(batch)
    const pieces: Buffer[] = []
    let seen = 0
    while (true) {
      const status = this.#exports.run(this.#job, 1)
      const dropped = this.#word(field.dropped)
      const output = this.#word(field.output)
      pieces.push(Buffer.from(this.#bytes.subarray(this.#window + seen - dropped, output)))
      seen = dropped + output - this.#window
      if (status !== 1) return { result: results[status] ?? 'more', output: Buffer.concat(pieces) }
    }
  }

  /** Changes in the memory around the job, its window and the batch. */
  outOfBoundsWrites(batch: Buffer): string[] {
    const found: string[] = []
    const untouched = (name: string, from: number, to: number): void => {
      const place = this.#bytes.subarray(from, to)
      if (!place.equals(canaries.subarray(0, to - from))) found.push(`${name} at ${place.findIndex((byte) => byte !== canary)}`)
    }
    untouched('before the job', 0, this.#job)
    untouched('behind the job', this.#job + this.#jobBytes, this.#window)
    untouched('behind the window buffer', this.#window + this.windowBytes, this.#input)
    if (!this.#bytes.subarray(this.#input, this.#input + this.#length).equals(batch)) found.push('the batch')
    return found
  }

  #word(at: number): number {
    return this.#view.getUint32(this.#job + at, true)
  }
}

const align = (bytes: number): number => Math.ceil(bytes / 64) * 64
