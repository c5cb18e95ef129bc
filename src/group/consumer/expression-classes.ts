/** Characters of topic names are ASCII: a set of them is a boolean for each. */
export type CharacterSet = readonly boolean[]

const size = 128

export const characters = (holds: (code: number) => boolean): CharacterSet => Array.from({ length: size }, (_, code) => holds(code))

/** First and last, both included. */
const spans = (...pairs: readonly string[]): CharacterSet =>
  characters((code) => pairs.some((pair) => code >= pair.charCodeAt(0) && code <= pair.charCodeAt(1)))

export const nothing: CharacterSet = characters(() => false)
export const everything: CharacterSet = characters(() => true)
export const notNewline: CharacterSet = characters((code) => code !== 10)

export const only = (from: number, to = from): CharacterSet => characters((code) => code >= from && code <= to)
export const without = (set: CharacterSet): CharacterSet => set.map((holds) => !holds)
export const union = (a: CharacterSet, b: CharacterSet): CharacterSet => a.map((holds, code) => holds || b[code]!)

const letterBit = 32
const isLetter = (code: number): boolean => /[a-z]/i.test(String.fromCharCode(code))

/** Adds the other case of every letter. */
export const folded = (set: CharacterSet): CharacterSet => set.map((holds, code) => holds || (isLetter(code) && set[code ^ letterBit]!))

const lower = spans('az')
const upper = spans('AZ')
const digit = spans('09')
const letter = union(lower, upper)
export const word: CharacterSet = union(union(letter, digit), only(95))
const space = spans('\t\n', '\f\r', '  ')

/** `\d` and similar; capitals negate. */
export const perlClasses: ReadonlyMap<string, CharacterSet> = new Map([
  ['d', digit],
  ['s', space],
  ['w', word],
])

/** `[:alpha:]` and similar. */
export const posixClasses: ReadonlyMap<string, CharacterSet> = new Map([
  ['alnum', union(letter, digit)],
  ['alpha', letter],
  ['ascii', everything],
  ['blank', spans('\t\t', '  ')],
  ['cntrl', characters((code) => code < 32 || code === 127)],
  ['digit', digit],
  ['graph', spans('!~')],
  ['lower', lower],
  ['print', spans(' ~')],
  ['punct', spans('!/', ':@', '[`', '{~')],
  ['space', union(space, only(11))],
  ['upper', upper],
  ['word', word],
  ['xdigit', spans('09', 'AF', 'af')],
])

const ofAscii = (pattern: RegExp): CharacterSet => characters((code) => pattern.test(String.fromCharCode(code)))

/** The ASCII part of a Unicode property; undefined for one that does not exist. */
export function unicodeClass(name: string): CharacterSet | undefined {
  if (name === 'Any') return everything
  for (const property of [name, `Script=${name}`]) {
    try {
      return ofAscii(new RegExp(`\\p{${property}}`, 'u'))
    } catch {
      // The complement.
    }
  }
  return undefined
}
