import { assert } from '../../base/assert.ts'
import type { Assign } from './assignor.ts'
import { assignRange } from './range.ts'
import { assignUniform } from './uniform.ts'

const assignors: ReadonlyMap<string, Assign> = new Map([
  ['uniform', assignUniform],
  ['range', assignRange],
])

export function assignorNamed(name: string): Assign {
  const assign = assignors.get(name)
  assert(assign !== undefined, `there is an assignor ${name}`)
  return assign
}
