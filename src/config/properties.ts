/** A key and its value from a source of settings, with its position: lines count from 1, 0 where there is none. */
export interface Entry {
  readonly key: string
  readonly value: string
  readonly line: number
}

/**
 * Parses the format of Java's Properties: `#` and `!` begin comments; the first of `=`, `:` and white space ends a key. A backslash at the
 * end continues a line, and elsewhere escapes. A repeated key is returned each time; the last one is effective.
 */
export function parseProperties(content: string): Entry[] {
  const entries: Entry[] = []
  const lines = content.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1
    let logical = lines[at]!.trimStart()
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue
    while (endsInBackslash(logical) && at + 1 < lines.length) logical = logical.slice(0, -1) + lines[++at]!.trimStart()
    entries.push({ ...split(logical), line })
  }
  return entries
}

/** An even number of backslashes is that many escaped ones. */
const endsInBackslash = (line: string): boolean => /\\*$/.exec(line)![0].length % 2 === 1

function split(line: string): { key: string; value: string } {
  const [, key, value] = /^((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)$/s.exec(line)!
  // White space after a value belongs to it in Java; Kafka trims the values that it reads, and so does Millrace.
  return { key: unescaped(key!), value: unescaped(value!).trim() }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' }

function unescaped(given: string): string {
  return given.replace(/\\(u[0-9a-fA-F]{4}|.|$)/gs, (_, what: string) =>
    what.length === 5 ? String.fromCharCode(Number.parseInt(what.slice(1), 16)) : (escapes[what] ?? what),
  )
}
