import { type ArenaPlan, planArena } from '../../../../src/pipeline/arena-plan.ts'
import type { Kernel } from '../../../../src/pipeline/kernel/kernel.ts'
import { kernel, writeTables } from '../../../../src/pipeline/kernel/kernel.ts'

/** An arena as the pipeline lays it out, small enough to lap and to make anew for every seed. */
export interface SmallArena {
  readonly memory: WebAssembly.Memory
  readonly plan: ArenaPlan
  readonly words: Int32Array
  readonly bytes: Buffer
  readonly view: DataView
  readonly kernel: Kernel
}

export function smallArena(sizes: { log: number; receive: number; lanes?: number } = { log: 1 << 20, receive: 1 << 20 }): SmallArena {
  const plan = planArena({ networkWorkers: 1, lanes: 1, validators: 1, ...sizes, inline: false })
  const memory = new WebAssembly.Memory({ initial: plan.pages, maximum: plan.pages, shared: true })
  writeTables(memory)
  return {
    memory,
    plan,
    words: new Int32Array(memory.buffer),
    bytes: Buffer.from(memory.buffer),
    view: new DataView(memory.buffer),
    kernel: kernel(memory),
  }
}
