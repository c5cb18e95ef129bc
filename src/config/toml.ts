import { parse, TomlError } from 'smol-toml'
import type { Entry } from './properties.ts'

/** The same keys in TOML: tables and dotted keys form one path, lists are supported. The parser's own message reports invalid TOML. */
export function parseToml(content: string): Entry[] | string {
  try {
    const lines = linesOf(content)
    return flattened(parse(content, { integersAsBigInt: true }) as Record<string, unknown>, []).map(([key, value]) => ({
      key,
      value,
      line: lines.get(key) ?? 0,
    }))
  } catch (error) {
    if (error instanceof TomlError) return error.message
    throw error
  }
}

function flattened(table: Record<string, unknown>, path: readonly string[]): [key: string, value: string][] {
  return Object.entries(table).flatMap(([name, value]): [string, string][] => {
    const key = [...path, name]
    if (Array.isArray(value)) return [[key.join('.'), value.map(String).join(',')]]
    if (typeof value === 'object' && value !== null && !(value instanceof Date)) return flattened(value as Record<string, unknown>, key)
    return [[key.join('.'), String(value)]]
  })
}

/**
 * The parser does not return the lines of keys. This search is sufficient for messages: keys of inline tables and lines inside multi-line
 * strings are not recognised.
 */
function linesOf(content: string): Map<string, number> {
  const lines = new Map<string, number>()
  let table = ''
  content.split(/\r?\n/).forEach((line, index) => {
    const [, header] = /^\s*\[([^[\]]+)\]/.exec(line) ?? []
    if (header !== undefined) table = `${bare(header)}.`
    const [, key] = /^\s*([A-Za-z0-9_."'\- ]+?)\s*=/.exec(line) ?? []
    if (key !== undefined) lines.set(table + bare(key), index + 1)
  })
  return lines
}

const bare = (key: string): string => key.replaceAll(/["'\s]/g, '')
