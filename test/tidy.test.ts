import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { bannedIn } from './support/plain-words.ts'
import { root } from './support/root.ts'

/**
 * The layers, from the bottom up, with the folders of src/docs/architecture.md: a part imports from rows below its own.
 * Two parts of one row meet in messages; an edge between them is a row of `besides`, with its reason.
 */
const rows: readonly (readonly string[])[] = [
  ['src/base'],
  ['src/ports'],
  ['src/wire', 'src/ring', 'src/actor', 'src/config', 'src/metrics'],
  ['src/object-store', 'src/raft', 'src/metadata'],
  ['src/wal', 'src/objects'],
  ['src/partition'],
  ['src/pipeline'],
  ['src/network', 'src/storage', 'src/coordinator'],
  ['src/controller', 'src/cluster', 'src/balancer', 'src/group', 'src/transaction', 'src/security'],
  ['src/broker', 'src/cli'],
  ['src/docs', 'src/node'],
  ['native-free-io'],
  ['workers'],
  ['test', 'bench'],
]

const besides: Readonly<Record<string, string>> = {
  'src/broker -> src/controller': 'handlers send commands to the controller, and read topics by its names',
  'src/broker -> src/group': 'handlers send requests to the group coordinator',
  'test -> bench': 'benchmarks are run tiny as tests',
  'bench -> test': 'a load generator is a client like those of the tests',
}

/** Packages, and the one place that each is for. `node:` is for folders with input and output. */
const packages: Readonly<Record<string, readonly string[]>> = {
  'src/cli': ['commander'],
  'src/config': ['smol-toml'],
  'src/metadata': ['msgpackr/pack'],
  'native-free-io': ['node:', '@aws-sdk/client-s3', 'msgpackr/pack', 'pino', 'pino-pretty', 'piscina', 're2js'],
  workers: ['node:', 'pino', 'piscina'],
  test: ['node:', ''],
  bench: ['node:', ''],
}

/** What a machine that is a function of its inputs cannot call, and what it does instead. */
const bans: Readonly<Record<string, string>> = {
  'Date.now': 'time arrives in an event or comes by the Clock port',
  'new Date': 'time arrives in an event or comes by the Clock port',
  performance: 'time arrives in an event or comes by the Clock port',
  'Math.random': 'randomness comes from base/prng.ts or by the Entropy port',
  crypto: 'randomness comes from base/prng.ts or by the Entropy port',
  setTimeout: 'a tick is an event, a timer is a port',
  setInterval: 'a tick is an event, a timer is a port',
  setImmediate: 'a tick is an event, a timer is a port',
  queueMicrotask: 'deferred work is an effect',
  process: 'settings are handed in',
  console: 'a log line is an effect or a port; logs belong to native-free-io/process/logger.ts',
}

const linesMax = 500

interface Source {
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
}

type Rule = (source: Source) => readonly string[]

const partOf = (path: string): string => rows.flat().find((part) => path === part || path.startsWith(`${part}/`)) ?? dirname(path)
const rowOf = (part: string): number => rows.findIndex((row) => row.includes(part))

function everyNode<T>(tree: ts.Node, look: (node: ts.Node) => T | undefined): T[] {
  const found: T[] = []
  const visit = (node: ts.Node): void => {
    const seen = look(node)
    if (seen !== undefined) found.push(seen)
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

const lineOf = (tree: ts.SourceFile, node: ts.Node): number => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1

function importsOf({ tree }: Source): string[] {
  return everyNode(tree, (node) => {
    const isStatement = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier
    const named = isStatement ? node.moduleSpecifier : ts.isCallExpression(node) && isImportCall(node) ? node.arguments[0] : undefined
    return named !== undefined && ts.isStringLiteral(named) ? named.text : undefined
  })
}
const isImportCall = (node: ts.CallExpression): boolean => node.expression.kind === ts.SyntaxKind.ImportKeyword

const importsPointDownward: Rule = (source) => {
  const from = partOf(source.path)
  if (rowOf(from) < 0) return [`${from} is in no row: give it a place in the table of this test and in src/docs/architecture.md`]
  return importsOf(source).flatMap((name) => {
    if (!name.startsWith('.')) {
      const allowed = packages[from] ?? []
      return allowed.some((each) => (each.endsWith(':') || each === '' ? name.startsWith(each) : name === each))
        ? []
        : [`${from} may not import ${name}: input and output belong to native-free-io, and a package to the one part that it is for`]
    }
    const to = partOf(relative(root, resolve(root, dirname(source.path), name)))
    if (to === from || rowOf(to) < rowOf(from) || `${from} -> ${to}` in besides) return []
    return [`${from} may not import ${to}: a part imports from the rows below it, and exchanges messages with its row`]
  })
}

const srcOnlyDecides: Rule = ({ path, tree }) => {
  if (!path.startsWith('src/')) return []
  return everyNode(tree, (node) => {
    const called = nameUsed(node)
    return called !== undefined && Object.hasOwn(bans, called) ? `line ${lineOf(tree, node)}: ${called}: ${bans[called]}` : undefined
  })
}

/** The global that an expression reaches for. A property or a declaration of such a name is another thing. */
function nameUsed(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) return 'new Date'
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const both = `${node.expression.text}.${node.name.text}`
    return Object.hasOwn(bans, both) ? both : ts.isIdentifier(node.expression) ? node.expression.text : undefined
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) return node.expression.text
  return undefined
}

/** A function may be long on purpose. It may not drift past a screen by accident: hence a zone and no limit. */
const functionsFitAScreen: Rule = ({ path, tree }) => {
  if (path.startsWith('test/')) return []
  return everyNode(tree, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return undefined
    const lines = tree.getLineAndCharacterOfPosition(node.end).line - lineOf(tree, node) + 2
    return lines > 70 && lines <= 80
      ? `line ${lineOf(tree, node)}: a function of ${lines} lines: back under 71, or long on purpose`
      : undefined
  })
}

/** More parameters than this are a parts object, whose fields have names at the call. */
const constructorParametersMax = 4

const constructorsHaveFewParameters: Rule = ({ path, tree }) => {
  if (path.startsWith('test/')) return []
  return everyNode(tree, (node) =>
    ts.isConstructorDeclaration(node) && node.parameters.length > constructorParametersMax
      ? `line ${lineOf(tree, node)}: a constructor with ${node.parameters.length} parameters: pass a parts object`
      : undefined,
  )
}

const namesAreKebabCase: Rule = ({ path }) => {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const isKebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|d))?\.ts$/.test(name)
  const isVague = /^(utils?|helpers?|manager|common|misc|index)\.ts$/.test(name)
  return isKebab && !isVague ? [] : [`name the file after its contents, in kebab-case: ${name}`]
}

const exportsHaveNames: Rule = ({ tree }) =>
  everyNode(tree, (node) => {
    const isDefault =
      (ts.isExportAssignment(node) && !node.isExportEquals) ||
      (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) === true)
    return isDefault ? `line ${lineOf(tree, node)}: export it by its name, so that it has the same one everywhere` : undefined
  })

const noBarrels: Rule = ({ tree }) => {
  const from = tree.statements.filter((each) => ts.isExportDeclaration(each) && each.moduleSpecifier !== undefined)
  const hasStar = from.some((each) => (each as ts.ExportDeclaration).exportClause === undefined)
  if (hasStar) return ['import from the file that has it: nothing is exported on with a star']
  return from.length > 0 && from.length === tree.statements.length
    ? ['import from the files themselves: one that only exports on is not needed']
    : []
}

const everyTestRuns: Rule = ({ path, tree }) => {
  if (!path.startsWith('test/')) return []
  return everyNode(tree, (node) => {
    const isTest = ts.isPropertyAccessExpression(node) && /^(test|it|describe|suite)$/.test(node.expression.getText(tree))
    return isTest && /^(skip|only|todo|fails)$/.test(node.name.text)
      ? `line ${lineOf(tree, node)}: run the test, or delete it: .${node.name.text} hides its result`
      : undefined
  })
}

const filesHaveOneIdea: Rule = ({ text }) => {
  const lines = text.split('\n').length
  return lines > linesMax ? [`${lines} lines are more than one idea: split the file`] : []
}

const nothingIsPutOff: Rule = ({ text }) =>
  [...text.matchAll(/\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/g)].map(([word]) => `${word}: do it now, or write down what is absent as a fact`)

const apiFilesHaveTheirNumber: Rule = ({ path, text }) => {
  const [, number] = /^src\/wire\/api\/(\d+)-/.exec(path) ?? []
  if (number === undefined) return []
  const keys = new Set([...text.matchAll(/\{ key: (\d+),/g)].map(([, key]) => Number(key)))
  return keys.size === 1 && keys.has(Number(number)) ? [] : [`the file's number is its API key: ${number} against ${[...keys]}`]
}

const storesAreMetered: Rule = (source) => {
  const isOwn = source.path.startsWith('native-free-io/store/') || source.path.startsWith('test/')
  return isOwn || !importsOf(source).some((name) => name.endsWith('store/open-store.ts'))
    ? []
    : ['open a store with `meteredStore` or `sharedStore`: a request that no meter counts is missing from the bill']
}

/** Comments of a source. Words in backticks are code. */
function commentsOf({ text }: Source): string[] {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, text)
  const found: string[] = []
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    const isComment = token === ts.SyntaxKind.SingleLineCommentTrivia || token === ts.SyntaxKind.MultiLineCommentTrivia
    if (isComment) found.push(scanner.getTokenText().replace(/`[^`]*`/g, ''))
  }
  return found
}

const commentsUsePlainWords: Rule = (source) => commentsOf(source).flatMap(bannedIn)

/** String literals with at least two words. An expression within a template is one word. */
function textsOf({ tree }: Source): string[] {
  return everyNode(tree, (node) => {
    const isText = ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)
    const text = isText ? node.getText(tree).replace(/\$\{[^}]*\}/g, 'X') : ''
    return text.includes(' ') ? text : undefined
  })
}

/** The lists of banned words, and the tests of them, contain the words. */
const isAboutWords = ({ path }: Source): boolean => /^test\/(tidy\.test|docs\/docs\.test|support\/plain-words)\.ts$/.test(path)

const textsUsePlainWords: Rule = (source) => (isAboutWords(source) ? [] : textsOf(source).flatMap(bannedIn))

const rules: Readonly<Record<string, Rule>> = {
  'imports point downward': importsPointDownward,
  'src decides and does nothing else': srcOnlyDecides,
  'functions do not drift past a screen': functionsFitAScreen,
  'constructors have few parameters': constructorsHaveFewParameters,
  'files are named after their contents': namesAreKebabCase,
  'exports have names': exportsHaveNames,
  'nothing is exported only to be exported on': noBarrels,
  'every test runs': everyTestRuns,
  'files have one idea': filesHaveOneIdea,
  'nothing is put off': nothingIsPutOff,
  'stores are metered': storesAreMetered,
  'files of APIs have their numbers': apiFilesHaveTheirNumber,
  'comments use plain words': commentsUsePlainWords,
  'log lines, errors and titles of tests use plain words': textsUsePlainWords,
}

const parse = (path: string, text: string): Source => ({ path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) })

/** Programs in .mjs run before the compiler is there, and are left to the formatter. */
const sources: readonly Source[] = ['src', 'workers', 'native-free-io', 'test', 'bench']
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`))
  .filter((path) => path.endsWith('.ts'))
  .map((path) => parse(path, readFileSync(join(root, path), 'utf8')))

test.each(Object.entries(rules))('%s', (_, rule) => {
  expect(sources.flatMap((source) => rule(source).map((violation) => `${source.path}: ${violation}`))).toEqual([])
})

/** Files that import each other, directly or not: imports of types count. Each group is sorted. */
function importCycles(all: readonly Source[]): string[][] {
  const paths = new Set(all.map(({ path }) => path))
  const imports = new Map(
    all.map((source) => {
      const named = importsOf(source).filter((name) => name.startsWith('.'))
      return [source.path, named.map((name) => join(dirname(source.path), name)).filter((path) => paths.has(path))]
    }),
  )
  // Tarjan's algorithm: files that reach each other are on the stack together.
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (path: string): void => {
    const at = order.size
    order.set(path, at)
    lowest.set(path, at)
    stack.push(path)
    for (const next of imports.get(path)!) {
      if (!order.has(next)) visit(next)
      if (stack.includes(next)) lowest.set(path, Math.min(lowest.get(path)!, lowest.get(next)!))
    }
    if (lowest.get(path) !== at) return
    const together = stack.splice(stack.indexOf(path))
    if (together.length > 1 || imports.get(path)!.includes(path)) found.push(together.sort())
  }
  for (const path of paths) if (!order.has(path)) visit(path)
  return found.sort()
}

test('files do not import each other in a cycle', () => {
  expect(importCycles(sources)).toEqual([])
})

test('the rule about cycles sees imports of types, through other files, and only real cycles', () => {
  const files = {
    a: "import type { b } from './b.ts'",
    b: "export { c } from './c.ts'",
    c: "import { a } from './a.ts'",
    d: "import './a.ts'",
  }
  const all = Object.entries(files).map(([name, text]) => parse(`src/wire/${name}.ts`, text))
  expect(importCycles(all)).toEqual([['src/wire/a.ts', 'src/wire/b.ts', 'src/wire/c.ts']])
  expect(importCycles(all.slice(1))).toEqual([])
})

const lines = (count: number): string => `${'x\n'.repeat(count)}`

test.each<[string, string, string, RegExp | undefined]>([
  ['imports point downward', 'src/wire/a.ts', "import { b } from '../broker/b.ts'", /src\/wire may not import src\/broker/],
  ['imports point downward', 'src/raft/a.ts', "import type { b } from '../pipeline/b.ts'", /exchanges messages/],
  ['imports point downward', 'src/raft/a.ts', "const b = await import('node:fs')", /input and output belong/],
  ['imports point downward', 'src/new/a.ts', '', /in no row/],
  ['imports point downward', 'src/broker/a.ts', "import { b } from '../wire/b.ts'", undefined],
  ['src decides and does nothing else', 'src/wire/a.ts', 'const now = Date.now()', /line 1: Date.now: time arrives/],
  ['src decides and does nothing else', 'src/wire/a.ts', '\nconst a = new Date()', /line 2: new Date/],
  ['src decides and does nothing else', 'src/wire/a.ts', 'const a = process.env', /settings are handed in/],
  ['src decides and does nothing else', 'src/wire/a.ts', 'setTimeout(() => {}, 1)', /a tick is an event/],
  ['src decides and does nothing else', 'src/wire/a.ts', "const row = { 'process.roles': 1, process: roles.process }", undefined],
  ['functions do not drift past a screen', 'src/a.ts', `function a() {\n${lines(73)}}`, /a function of 75 lines/],
  ['functions do not drift past a screen', 'src/a.ts', `function a() {\n${lines(68)}}`, undefined],
  ['functions do not drift past a screen', 'src/a.ts', `function a() {\n${lines(90)}}`, undefined],
  ['files are named after their contents', 'src/wire/readName.ts', '', /kebab-case/],
  ['files are named after their contents', 'src/wire/utils.ts', '', /after its contents/],
  ['files are named after their contents', 'src/wire/00-produce.ts', '', undefined],
  ['exports have names', 'src/a.ts', 'export default 1', /by its name/],
  ['exports have names', 'src/a.ts', 'export default function a() {}', /by its name/],
  ['nothing is exported only to be exported on', 'src/a.ts', "export * from './b.ts'", /with a star/],
  ['nothing is exported only to be exported on', 'src/a.ts', "export { b } from './b.ts'", /is not needed/],
  ['every test runs', 'test/a.test.ts', 'test.only("a", () => {})', /.only hides/],
  ['every test runs', 'test/a.test.ts', 'describe.skip("a", () => {})', /.skip hides/],
  ['files have one idea', 'src/a.ts', lines(501), /more than one idea/],
  ['nothing is put off', 'src/a.ts', `// ${'TO'}${'DO'} later`, /do it now/],
  ['stores are metered', 'native-free-io/a.ts', "import { openStore } from './store/open-store.ts'", /missing from the bill/],
  ['stores are metered', 'native-free-io/a.ts', "import { meteredStore } from './store/shared-store.ts'", undefined],
  ['files of APIs have their numbers', 'src/wire/api/03-a.ts', '{ key: 4, versions }', /3 against 4/],
  ['constructors have few parameters', 'src/a.ts', 'class A { constructor(a: 1, b: 2, c: 3, d: 4, e: 5) {} }', /with 5 parameters/],
  ['constructors have few parameters', 'src/a.ts', 'class A { constructor(a: 1, b: 2, c: 3, d: 4) {} }', undefined],
  ['log lines, errors and titles of tests use plain words', 'src/a.ts', "log.warn('nobody is here')", /"nobody": write/],
  ['log lines, errors and titles of tests use plain words', 'src/a.ts', "const nobody = 'nobody'", undefined],
  ['comments use plain words', 'src/a.ts', '/** Nobody is told. */', /"Nobody": write .*"told": write/],
  ['comments use plain words', 'src/a.ts', "// The user `nobody`.\nconst who = 'told'", undefined],
])('the rule that %s sees %s %j', (name, path, text, violation) => {
  const found = rules[name]!(parse(path, text)).join()
  if (violation === undefined) expect(found).toBe('')
  else expect(found).toMatch(violation)
})

test('every file with long tests is in a part of .ci/run', () => {
  const run = readFileSync(join(root, '.ci', 'run'), 'utf8')
  const parts = [...run.matchAll(/ long((?: test\/\S+)+)$/gm)].flatMap(([, paths]) => paths!.trim().split(' '))
  expect(parts.length).toBeGreaterThan(3)
  const isCalled = (path: string): boolean => parts.some((part) => path === part || path.startsWith(`${part}/`))
  const long = sources.filter(({ path, text }) => path.endsWith('.test.ts') && /support\/long\.ts'/.test(text)).map(({ path }) => path)
  expect(long.length).toBeGreaterThan(10)
  expect(long.filter((path) => !isCalled(path))).toEqual([])
})
