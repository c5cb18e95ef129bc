import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { root } from './root.ts'

/**
 * A module of `src` with a planted bug: its text with one place changed. Its imports are passed as they are. A place that does not exist
 * exactly once is an error: the test must be adapted to the source.
 */
export function mutant<T>(
  path: string,
  change: { readonly from: string; readonly to: string },
  imports: Readonly<Record<string, unknown>>,
): T {
  const text = readFileSync(join(root, path), 'utf8')
  const places = text.split(change.from).length - 1
  if (places !== 1) throw new Error(`${path} has ${places} places that read ${change.from}`)
  const options = { compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: false } }
  const { outputText } = ts.transpileModule(text.replace(change.from, change.to), options)
  const exported = {}
  const find = (name: string): unknown => {
    const expected = relative(root, join(root, dirname(path), name))
    if (!(expected in imports)) throw new Error(`${path} imports ${expected}, which was not handed in`)
    return imports[expected]
  }
  new Function('require', 'exports', outputText)(find, exported)
  return exported as T
}
