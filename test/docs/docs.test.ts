import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultText } from '../../src/config/load.ts'
import { settingRows } from '../../src/config/settings.ts'
import { tables, withTables } from '../../src/docs/tables.ts'
import { bannedIn, longSentencesIn } from '../support/plain-words.ts'
import { root } from '../support/root.ts'
import { anchorsOf, linksOf, pageAt, pagePaths, proseOf } from './pages.ts'

const readmeLinesMax = 120

test('README: is a front page', () => {
  expect(pageAt('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(readmeLinesMax)
})

test('README: settings have the defaults of their rows', () => {
  const rows = [...pageAt('README.md').matchAll(/^\| `([a-z0-9.]+)` \| (`[^`]+`[^|]*) \|/gm)].map(
    ([, name, shown]) => [name!, shown!] as const,
  )
  expect(rows.length).toBe(5)
  for (const [name, shown] of rows) {
    const text = defaultText(name)
    expect([name, shown]).toEqual([name, text === '' ? '`objects/` in `log.dirs`' : `\`${text}\``])
  }
})

test('README: links every page of src/docs', () => {
  const linked = new Set(linksOf('README.md', pageAt('README.md')).map(({ path }) => path))
  expect(pagePaths.filter((path) => path !== 'README.md' && !linked.has(path))).toEqual([])
})

test.each(pagePaths)('docs: %s: every link and anchor resolves', (from) => {
  const broken = linksOf(from, pageAt(from)).filter(({ path, anchor }) => {
    if (!existsSync(join(root, path))) return true
    return anchor !== undefined && !anchorsOf(pageAt(path)).has(anchor)
  })
  expect(broken).toEqual([])
})

test.each(pagePaths)('docs: %s: names files, scripts and settings that exist', (path) => {
  const page = pageAt(path)
  const files = [...page.matchAll(/(?<![\w/:.-])(?:src|test|bench|workers|native-free-io|\.ci)\/[\w./-]*\w/g)].map(([name]) => name)
  expect(files.filter((name) => !existsSync(join(root, name)))).toEqual([])
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Readonly<Record<string, string>> }
  const named = [...page.matchAll(/npm run (?:--silent )?([a-z]+)/g)].map(([, name]) => name!)
  expect(named.filter((name) => !(name in scripts))).toEqual([])
  const settings = [...page.matchAll(/`(s3\.[a-z.]*[a-z])(?:=[^`]*)?`/g)].map(([, name]) => name!)
  expect(settings.filter((name) => !(name in settingRows))).toEqual([])
})

test.each(pagePaths)('docs: %s: every generated table equals its source (npm run docs)', (path) => {
  const page = pageAt(path)
  expect(withTables(page)).toBe(page)
})

test('tables: every generated table is on one page', () => {
  const all = pagePaths.map(pageAt).join('\n')
  for (const name of Object.keys(tables)) expect([name, all.split(`<!-- table: ${name} -->`).length - 1]).toEqual([name, 1])
})

test('tables: a page with an outdated table is generated again', () => {
  const outdated = '<!-- table: topic-configs -->\n\n| old |\n\n<!-- end of table -->\n'
  expect(withTables(outdated)).toContain('| `cleanup.policy` | yes |')
  expect(withTables(withTables(outdated))).toBe(withTables(outdated))
  expect(() => withTables('<!-- table: no-such -->\n<!-- end of table -->')).toThrow('there is no table no-such')
})

test.each(pagePaths)('docs: %s: is written in plain words and short sentences', (path) => {
  const prose = proseOf(pageAt(path))
  expect(bannedIn(prose)).toEqual([])
  expect(longSentencesIn(prose)).toEqual([])
})

/** Between placeholders, which are in upper case, a text is as the source has it. */
const fragmentsOf = (text: string): string[] =>
  text
    .split(/\b[A-Z]{1,}\b|…|[()]/)
    .map((fragment) => fragment.trim())
    .filter((fragment) => fragment.length >= 10)

test('operations: start-up failures have the texts of the source', () => {
  const sources = ['src/cli', 'native-free-io', 'workers', 'src/config', 'src/wal', 'src/partition'].flatMap(filesIn)
  const source = sources.map((path) => readFileSync(path, 'utf8')).join('\n')
  const [, section] = pageAt('src/docs/operations.md').split('## Start-up failures')
  const texts = [...section!.split('\n## ')[0]!.matchAll(/^\| `([^`]+)` \|/gm)].map(([, text]) => text!)
  expect(texts.length).toBeGreaterThan(15)
  expect(texts.flatMap(fragmentsOf).filter((fragment) => !source.includes(fragment))).toEqual([])
})

const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.m?ts$|\.mjs$/.test(name))
    .map((name) => join(root, folder, name))

test('glossary: terms are unique and sorted', () => {
  for (const section of pageAt('src/docs/glossary.md').split('\n## ').slice(1)) {
    const terms = [...section.matchAll(/^\| ([^|]+) \| [^|]+ \|$/gm)]
      .map(([, term]) => term!.toLowerCase())
      .filter((term) => term !== 'term')
    expect(terms.length).toBeGreaterThan(5)
    expect(terms).toEqual([...new Set(terms)].sort())
  }
})

test('settings: descriptions are plain sentences', () => {
  for (const [name, { about }] of Object.entries(settingRows)) {
    expect([name, ...bannedIn(about), ...longSentencesIn(about)]).toEqual([name])
    expect([name, /^[A-Z].*\.$/.test(about)]).toEqual([name, true])
  }
})

test.each<[string, string, RegExp | undefined]>([
  ['a subject without a name', 'Who joins owns nothing, and says so.', /"Who": write name the component/],
  ['a mechanism that hears', 'The producer hears REQUEST_TIMED_OUT.', /"hears": write receive/],
  ['a part of a longer word', 'The whole session starts at a known wholesale offset.', undefined],
  ['a plain sentence', 'TopicPartitions must be empty when joining.', undefined],
])('plain words: %s', (_, text, found) => {
  if (found === undefined) expect(bannedIn(text)).toEqual([])
  else expect(bannedIn(text).join()).toMatch(found)
})

test('links: anchors are those of GitHub, and targets are paths of the repository', () => {
  expect([...anchorsOf('# A page\n## Full disk\n## `s3.wal` and *more*\n## Full disk\n')]).toEqual([
    'a-page',
    'full-disk',
    's3wal-and-more',
    'full-disk-1',
  ])
  expect(linksOf('src/docs/a.md', '[x](b.md#c) [y](#d) [z](https://e.f) [w](../../README.md)')).toEqual([
    { from: 'src/docs/a.md', path: 'src/docs/b.md', anchor: 'c' },
    { from: 'src/docs/a.md', path: 'src/docs/a.md', anchor: 'd' },
    { from: 'src/docs/a.md', path: 'README.md', anchor: undefined },
  ])
})
