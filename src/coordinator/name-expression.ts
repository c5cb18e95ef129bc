import type { CompiledExpression, CompileExpression } from '../ports/expressions.ts'

const lengthMax = 10_000
/** Instructions. Larger expressions would cost the coordinator too much time for each name. */
const sizeMax = 5000
/** A Unicode class costs 0.5 ms. */
const classesMax = 200
/** A Unicode class or a wide range of characters costs 13 ms where case is ignored. */
const foldedMax = 20

/** Compiles a regular expression over names of topics or of transactional producers, within limits of time and memory. */
export function nameExpression(text: string, compile: CompileExpression): CompiledExpression | { readonly error: string } {
  if (text.length > lengthMax) return { error: `longer than ${lengthMax} characters` }
  if (unfoldedSize(text) > sizeMax) return { error: 'too large' }
  if (countOf(/\\[pP]/g, text) > classesMax) return { error: 'too large' }
  const ignoresCase = /\(\?\w*i/.test(text)
  if (ignoresCase && countOf(/\\[pPx]|[^\0-\x7f]/g, text) > foldedMax) return { error: 'too large' }
  const compiled = compile(text)
  return 'error' in compiled || compiled.size <= sizeMax ? compiled : { error: 'too large' }
}

const countOf = (pattern: RegExp, text: string): number => text.match(pattern)?.length ?? 0

/** Tokens of which an expression consists, as far as its size depends on them. */
const tokens: readonly (readonly [type: 'open' | 'repeat' | 'quoted' | 'atom', pattern: RegExp])[] = [
  ['quoted', /\\Q.*?(?:\\E|$)/sy],
  ['atom', /\\[pPx]\{[^}]*\}?|\\.?/sy],
  ['atom', /\[\^?\]?(?:\[:\^?\w*:\]|\\.?|[^\]\\])*\]?/sy],
  ['open', /\((?:\?P?<\w*>|\?[a-zA-Z-]*:?)?/y],
  ['repeat', /\{(\d+)(,\d*)?\}/y],
  ['atom', /./sy],
]

/**
 * Approximate number of instructions. The compiler repeats a part as often as its counts say before any limit of its own: `a{1000}` has a
 * thousand instructions, and a long part with a count millions.
 */
function unfoldedSize(text: string): number {
  const sums = [0]
  let last = 0
  const add = (size: number): void => {
    sums[sums.length - 1]! += size
    last = size
  }
  for (let at = 0; at < text.length; ) {
    const [type, found] = tokenAt(text, at)
    const [token] = found
    at += token.length
    if (type === 'quoted') add(token.length)
    else if (type === 'open') sums.push(2)
    else if (token === ')' && sums.length > 1) add(sums.pop()!)
    else if ('*+?'.includes(token)) {
      // The same part, and an instruction that repeats or skips it.
      sums[sums.length - 1]! += 1
      last += 1
    } else if (type === 'repeat') {
      const times = Math.max(1, Number(found[1]), Number(found[2]?.slice(1) || 0))
      sums[sums.length - 1]! += last * (times - 1)
      last *= times
    } else add(1)
    if (sums.at(-1)! > sizeMax) break
  }
  return sums.reduce((sum, size) => sum + size, 0)
}

function tokenAt(text: string, at: number): [type: (typeof tokens)[number][0], found: RegExpExecArray] {
  for (const [type, pattern] of tokens) {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) return [type, found]
  }
  throw new Error('the last token matches every character')
}
