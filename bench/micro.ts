import { kernelSpeed } from './kernel.ts'
import { machineLimits } from './limits.ts'
import type { MicroRow } from './micro-row.ts'
import { ringSpeed } from './ring.ts'
import { scanSpeed } from './scans.ts'
import { validationSpeed } from './validation.ts'

export interface Micro {
  readonly name: string
  run(): Promise<readonly MicroRow[]>
}

/** Measurements without a broker: the machine's own limits first, then parts of the broker beside them. */
export const micros: readonly Micro[] = [
  { name: 'machine', run: machineLimits },
  { name: 'kernel', run: () => kernelSpeed() },
  { name: 'validation', run: () => validationSpeed() },
  { name: 'ring', run: () => ringSpeed() },
  { name: 'scans', run: () => scanSpeed() },
]
