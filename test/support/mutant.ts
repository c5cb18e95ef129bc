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
  return evaluated(path, text.replace(change.from, change.to), imports) as T
}

/**
 * A module of the sources that imports others than usual: those in `replaced`, by path. With a `change`, one place of its text is changed
 * too. All other imports are the modules themselves.
 */
export async function moduleWith<T>(
  path: string,
  replaced: Readonly<Record<string, unknown>>,
  change?: { readonly from: string; readonly to: string },
): Promise<T> {
  const text = readFileSync(join(root, path), 'utf8')
  const imports: Record<string, unknown> = { ...replaced }
  const names = ts.preProcessFile(text).importedFiles.map(({ fileName }) => pathOf(path, fileName))
  const unused = Object.keys(replaced).find((name) => !names.includes(name))
  if (unused !== undefined) throw new Error(`${path} does not import ${unused}`)
  for (const name of names) {
    imports[name] ??= await import(join(root, name))
  }
  return change === undefined ? (evaluated(path, text, imports) as T) : mutant<T>(path, change, imports)
}

const pathOf = (from: string, name: string): string => relative(root, join(root, dirname(from), name))

function evaluated(path: string, text: string, imports: Readonly<Record<string, unknown>>): unknown {
  const options = { compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: false } }
  const { outputText } = ts.transpileModule(text, options)
  const exported = {}
  const find = (name: string): unknown => {
    const expected = pathOf(path, name)
    if (!(expected in imports)) throw new Error(`${path} imports ${expected}, which was not handed in`)
    return imports[expected]
  }
  new Function('require', 'exports', outputText)(find, exported)
  return exported
}
