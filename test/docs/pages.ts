import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { root } from '../support/root.ts'

/** README and the pages of src/docs, by their paths in the repository. */
export const pagePaths: readonly string[] = [
  'README.md',
  ...readdirSync(join(root, 'src', 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `src/docs/${name}`),
]
export const pageAt = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Code, comments and the targets of links are no prose. Cells and items are texts of their own. */
export function proseOf(page: string): string {
  return page
    .replace(/^( {4}|\t).*$/gm, '')
    .replace(/<!--.*?-->/g, '')
    .replace(/`[^`]*`/g, 'CODE')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/<http[^>]*>/g, 'LINK')
    .replace(/^\|[-|]+\|$/gm, '')
    .replace(/^#+ (.*)$/gm, '\n$1.\n')
    .replace(/^- /gm, '\n\n')
    .replace(/ ?\| ?/g, '\n\n')
}

/** Anchors of a page as GitHub derives them from headings. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading] of page.matchAll(/^#+ (.*)$/gm)) {
    const anchor = heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    let name = anchor
    for (let count = 1; anchors.has(name); count++) name = `${anchor}-${count}`
    anchors.add(name)
  }
  return anchors
}

export interface Link {
  /** Of the page that contains it. */
  readonly from: string
  /** In the repository. */
  readonly path: string
  readonly anchor: string | undefined
}

/** Links to files of the repository. */
export function linksOf(from: string, page: string): Link[] {
  return [...page.matchAll(/\]\(([^)]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path, anchor] = target.split('#', 2) as [string, string | undefined]
      return { from, path: path === '' ? from : normalize(join(dirname(from), path)), anchor }
    })
}
