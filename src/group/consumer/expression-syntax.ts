import {
  type CharacterSet,
  everything,
  folded,
  nothing,
  notNewline,
  only,
  perlClasses,
  posixClasses,
  unicodeClass,
  union,
  without,
} from './expression-classes.ts'

/** Nodes of an expression. */
export type Expression =
  | { readonly type: 'one'; readonly of: CharacterSet }
  | { readonly type: 'place'; readonly where: 'start' | 'end' | 'boundary' | 'inside' }
  | { readonly type: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly type: 'choice'; readonly parts: readonly Expression[] }
  | { readonly type: 'repeat'; readonly part: Expression; readonly least: number; readonly most: number }

/** A syntax error in an expression. */
export class ExpressionProblem extends Error {}

const repeatMax = 1000
const depthMax = 200
const lengthMax = 10_000
const asciiMax = 127

/** Parses the syntax of RE2, which has neither back references nor lookaround. Throws ExpressionProblem. */
export function parseExpression(text: string): Expression {
  if (text.length > lengthMax) throw new ExpressionProblem(`longer than ${lengthMax} characters`)
  return new Parser(text).whole()
}

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0
  #foldsCase = false
  #dotIsAll = false

  constructor(text: string) {
    this.#text = text
  }

  whole(): Expression {
    const found = this.#choice()
    if (this.#at < this.#text.length) throw new ExpressionProblem('unmatched )')
    return found
  }

  #choice(): Expression {
    if (++this.#depth > depthMax) throw new ExpressionProblem(`nested deeper than ${depthMax}`)
    const parts = [this.#sequence()]
    while (this.#take('|')) parts.push(this.#sequence())
    this.#depth--
    return parts.length === 1 ? parts[0]! : { type: 'choice', parts }
  }

  #sequence(): Expression {
    const parts: Expression[] = []
    while (this.#at < this.#text.length && !this.#sees('|') && !this.#sees(')')) {
      if (this.#take('\\Q')) parts.push(...this.#quoted())
      else {
        const part = this.#atom()
        parts.push(part === undefined ? { type: 'sequence', parts: [] } : this.#repeated(part))
      }
    }
    return { type: 'sequence', parts }
  }

  /** Undefined for a group that only sets flags. */
  #atom(): Expression | undefined {
    const character = this.#next()
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return this.#one(this.#bracket())
      case '.':
        return { type: 'one', of: this.#dotIsAll ? everything : notNewline }
      case '^':
        return { type: 'place', where: 'start' }
      case '$':
        return { type: 'place', where: 'end' }
      case '*':
      case '+':
      case '?':
        throw new ExpressionProblem(`nothing to repeat before ${character}`)
      case '\\':
        return this.#escaped()
      default:
        return this.#literal(character)
    }
  }

  #literal(character: string): Expression {
    const code = character.codePointAt(0)!
    return this.#one(code > asciiMax ? nothing : only(code))
  }

  #one(set: CharacterSet): Expression {
    return { type: 'one', of: this.#foldsCase ? folded(set) : set }
  }

  #quoted(): Expression[] {
    const end = this.#text.indexOf('\\E', this.#at)
    const literal = this.#text.slice(this.#at, end < 0 ? undefined : end)
    this.#at = end < 0 ? this.#text.length : end + 2
    const parts = Array.from(literal, (character) => this.#literal(character))
    const last = parts.pop()
    return last === undefined ? [] : [...parts, this.#repeated(last)]
  }

  #group(): Expression | undefined {
    if (!this.#take('?')) return this.#closed()
    const name = this.#match(/^P?<([A-Za-z0-9_]+)>/)
    if (name !== undefined) return this.#closed()
    const flags = this.#match(/^([imsU]*(?:-[imsU]+)?)([:)])/)
    if (flags === undefined) throw new ExpressionProblem('unsupported group after (?')
    const before = [this.#foldsCase, this.#dotIsAll] as const
    const [on, off = ''] = flags[1]!.split('-')
    this.#foldsCase = (this.#foldsCase || on!.includes('i')) && !off.includes('i')
    this.#dotIsAll = (this.#dotIsAll || on!.includes('s')) && !off.includes('s')
    if (flags[2] === ')') return undefined
    const found = this.#closed()
    ;[this.#foldsCase, this.#dotIsAll] = before
    return found
  }

  /** Flags that are set within a group end with it. */
  #closed(): Expression {
    const before = [this.#foldsCase, this.#dotIsAll] as const
    const found = this.#choice()
    if (!this.#take(')')) throw new ExpressionProblem('unmatched (')
    ;[this.#foldsCase, this.#dotIsAll] = before
    return found
  }

  #repeated(part: Expression): Expression {
    const [least, most] = this.#count() ?? [1, 1]
    if (least === 1 && most === 1) return part
    // Greediness does not affect whether the whole name matches.
    this.#take('?')
    if (this.#count() !== undefined) throw new ExpressionProblem('repeated repetition')
    return { type: 'repeat', part, least, most }
  }

  #count(): readonly [least: number, most: number] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#take('?')) return [0, 1]
    const found = this.#match(/^\{(\d+)(,(\d*))?\}/)
    if (found === undefined) return undefined
    const least = Number(found[1])
    const most = found[2] === undefined ? least : found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3])
    const isBounded = most !== Number.POSITIVE_INFINITY
    if (least > repeatMax || (isBounded && (most > repeatMax || most < least)))
      throw new ExpressionProblem(`invalid repetition ${found[0]}`)
    return [least, most]
  }

  #escaped(): Expression {
    if (this.#at >= this.#text.length) throw new ExpressionProblem('trailing \\')
    if (this.#take('A')) return { type: 'place', where: 'start' }
    if (this.#take('z')) return { type: 'place', where: 'end' }
    if (this.#take('b')) return { type: 'place', where: 'boundary' }
    if (this.#take('B')) return { type: 'place', where: 'inside' }
    if (this.#take('C')) return { type: 'one', of: everything }
    return this.#one(this.#escapedClass() ?? this.#escapedCharacter())
  }

  #escapedClass(): CharacterSet | undefined {
    const letter = this.#text[this.#at] ?? ''
    const set = perlClasses.get(letter.toLowerCase())
    if (set !== undefined) {
      this.#at++
      return letter === letter.toLowerCase() ? set : without(set)
    }
    const found = this.#match(/^([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Za-z]))/)
    if (found === undefined) return undefined
    const known = unicodeClass(found[3] ?? found[4]!)
    if (known === undefined) throw new ExpressionProblem(`unknown class ${found[0]}`)
    return (found[1] === 'P') !== (found[2] === '^') ? without(known) : known
  }

  #escapedCharacter(): CharacterSet {
    const hex = this.#match(/^x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/)
    const octal = hex === undefined ? this.#match(/^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/) : undefined
    const code = hex !== undefined ? Number.parseInt(hex[1] ?? hex[2]!, 16) : octal !== undefined ? Number.parseInt(octal[0], 8) : undefined
    if (code !== undefined) return code > asciiMax ? nothing : only(code)
    const character = this.#next()
    const control = controls.get(character)
    if (control !== undefined) return only(control)
    if (/[A-Za-z0-9]/.test(character)) throw new ExpressionProblem(`unknown escape \\${character}`)
    return character.codePointAt(0)! > asciiMax ? nothing : only(character.charCodeAt(0))
  }

  #bracket(): CharacterSet {
    const isOpposite = this.#take('^')
    let set = nothing
    for (let isFirst = true; isFirst || !this.#sees(']'); isFirst = false) {
      if (this.#at >= this.#text.length) throw new ExpressionProblem('unmatched [')
      set = union(set, this.#bracketItem())
    }
    this.#at++
    const all = this.#foldsCase ? folded(set) : set
    return isOpposite ? without(all) : all
  }

  #bracketItem(): CharacterSet {
    const posix = this.#match(/^\[:(\^?)([a-z]+):\]/)
    if (posix !== undefined) {
      const known = posixClasses.get(posix[2]!)
      if (known === undefined) throw new ExpressionProblem(`unknown class ${posix[0]}`)
      return posix[1] === '^' ? without(known) : known
    }
    if (this.#sees('\\')) {
      this.#at++
      const known = this.#escapedClass()
      if (known !== undefined) return known
      this.#at--
    }
    const from = this.#bracketCode()
    const isRange = this.#sees('-') && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length
    if (!isRange) return from > asciiMax ? nothing : only(from)
    this.#at++
    const to = this.#bracketCode()
    if (to < from) throw new ExpressionProblem('the end of a range is before its start')
    return only(from, to)
  }

  #bracketCode(): number {
    if (!this.#take('\\')) return this.#next().codePointAt(0)!
    if (this.#at >= this.#text.length) throw new ExpressionProblem('trailing \\')
    const code = this.#escapedCharacter().indexOf(true)
    return code < 0 ? asciiMax + 1 : code
  }

  #sees(text: string): boolean {
    return this.#text.startsWith(text, this.#at)
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false
    this.#at += text.length
    return true
  }

  #next(): string {
    const code = this.#text.codePointAt(this.#at)
    if (code === undefined) throw new ExpressionProblem('unexpected end')
    const character = String.fromCodePoint(code)
    this.#at += character.length
    return character
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(this.#text.slice(this.#at)) ?? undefined
    if (found !== undefined) this.#at += found[0].length
    return found
  }
}

const controls: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['t', 9],
  ['n', 10],
  ['r', 13],
  ['v', 11],
])
