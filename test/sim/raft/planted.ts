import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import * as assert from '../../../src/base/assert.ts'
import * as prng from '../../../src/base/prng.ts'
import { root } from '../../support/root.ts'
import type { Machines } from './node.ts'

/** Files of the machine, each after those that it imports. */
const files = [
  'messages',
  'limits',
  'epochs',
  'voters',
  'state',
  'outputs',
  'transitions',
  'progress',
  'replication',
  'leadership',
  'election',
  'following',
  'snapshots',
  'voter-changes',
  'machine',
] as const

export interface Change {
  readonly file: (typeof files)[number]
  readonly from: string
  readonly to: string
}

/** The machine with a planted bug: some places of its text are changed. A place that does not exist exactly once is an error. */
export function planted(changes: readonly Change[]): Machines {
  const modules: Record<string, object> = { '../base/assert.ts': assert, '../base/prng.ts': prng }
  for (const file of files) {
    let text = readFileSync(join(root, 'src', 'raft', `${file}.ts`), 'utf8')
    for (const { from, to } of changes.filter((change) => change.file === file)) {
      const places = text.split(from).length - 1
      if (places !== 1) throw new Error(`src/raft/${file}.ts has ${places} places that read ${from}`)
      text = text.replace(from, () => to)
    }
    modules[`./${file}.ts`] = evaluated(text, modules)
  }
  return { ...modules['./state.ts'], ...modules['./machine.ts'] } as Machines
}

function evaluated(text: string, modules: Readonly<Record<string, object>>): object {
  const options = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 }
  const { outputText } = ts.transpileModule(text, { compilerOptions: options })
  const exported = {}
  const find = (name: string): object => {
    const module = modules[name]
    if (module === undefined) throw new Error(`${name} is not before the file that imports it`)
    return module
  }
  new Function('require', 'exports', outputText)(find, exported)
  return exported
}
