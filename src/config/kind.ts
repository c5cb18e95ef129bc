/** The type of a setting. Parsing a text returns a value, or an InvalidValue that states the allowed values. */
export interface Kind<T> {
  /** The allowed texts, in words, for the configuration page. */
  readonly accepts: string
  read(text: string): T | InvalidValue
}

export class InvalidValue {
  /** Continues the sentence "KEY = VALUE: ". */
  readonly allowed: string

  constructor(allowed: string) {
    this.allowed = allowed
  }
}

const wholeNumber = /^[+-]?\d+$/

/** An integer that a double represents exactly. */
export function integer(min: number, max: number): Kind<number> {
  return {
    accepts: `whole number${rangeText(min, max, int32Min, int32Max)}`,
    read(text) {
      const value = Number(text)
      if (!wholeNumber.test(text) || !Number.isSafeInteger(value)) return new InvalidValue('must be a whole number')
      return outside(value, min, max) ?? value
    },
  }
}

const int32Min = -(2 ** 31)
const int32Max = 2 ** 31 - 1
const longMin = -(2n ** 63n)
const longMax = 2n ** 63n - 1n

export function long(min = longMin, max = longMax): Kind<bigint> {
  return {
    accepts: `whole number${rangeText(min, max, longMin, longMax)}`,
    read(text) {
      if (!wholeNumber.test(text)) return new InvalidValue('must be a whole number')
      const value = BigInt(text.replace(/^\+/, ''))
      if (value < longMin || value > longMax) return new InvalidValue('must be a whole number of 64 bits')
      return outside(value, min, max) ?? value
    },
  }
}

export function double(min: number, max: number): Kind<number> {
  return {
    accepts: `number${rangeText(min, max, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)}`,
    read(text) {
      const value = Number(text)
      if (text === '' || Number.isNaN(value)) return new InvalidValue('must be a number')
      return outside(value, min, max) ?? value
    },
  }
}

export const boolean: Kind<boolean> = {
  accepts: 'true or false',
  read(text) {
    const word = text.toLowerCase()
    return word === 'true' ? true : word === 'false' ? false : new InvalidValue('must be true or false')
  },
}

/** One text with a special meaning, besides the values. */
export const optional = <T, N>(word: string, meaning: N, kind: Kind<T>): Kind<T | N> => ({
  accepts: `${kind.accepts}, or ${word === '' ? 'empty' : word}`,
  read(given) {
    if (given === word) return meaning
    const found = kind.read(given)
    return found instanceof InvalidValue && word !== '' ? new InvalidValue(`${found.allowed}, or ${word}`) : found
  },
})

export const text: Kind<string> = { accepts: 'text', read: (given) => given }

export function oneOf<const Names extends readonly string[]>(names: Names, ignoreCase = false): Kind<Names[number]> {
  const fold = (name: string): string => (ignoreCase ? name.toLowerCase() : name)
  return {
    accepts: names.join(', '),
    read: (given) => names.find((name) => fold(name) === fold(given)) ?? new InvalidValue(`must be one of ${names.join(', ')}`),
  }
}

/** Names separated by commas. An empty text is an empty list. */
export const list: Kind<readonly string[]> = {
  accepts: 'list',
  read(given) {
    if (given === '') return []
    const items = given.split(',').map((item) => item.trim())
    if (items.includes('')) return new InvalidValue('must not have an empty item in its list')
    return items
  },
}

export function listOf(names: readonly string[]): Kind<readonly string[]> {
  return {
    accepts: `list of ${names.join(', ')}`,
    read(given) {
      const items = list.read(given)
      if (items instanceof InvalidValue || items.every((item) => names.includes(item))) return items
      return new InvalidValue(`must be a list of ${names.join(', ')}`)
    },
  }
}

const units: Readonly<Record<string, number>> = { '': 1, B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, KB: 1e3, MB: 1e6, GB: 1e9 }

/** A size: `134217728`, `128MiB`, `2 GiB`. */
export function bytes(min: number, max: number): Kind<number> {
  return {
    accepts: `size, ${sizeText(min)} to ${sizeText(max)}`,
    read(given) {
      const [, digits, unit] = /^(\d+) ?([KMG]i?B|B|)$/.exec(given) ?? []
      if (digits === undefined) return new InvalidValue('must be a number of bytes, such as 1048576 or 128MiB')
      const value = Number(digits) * units[unit!]!
      if (value >= min && value <= max) return value
      return new InvalidValue(`must be from ${sizeText(min)} to ${sizeText(max)}`)
    },
  }
}

/** Limits that follow from the type are left out. */
function rangeText<T extends number | bigint>(min: T, max: T, typeMin: T, typeMax: T): string {
  if (min <= typeMin && max >= typeMax) return ''
  return max >= typeMax ? `, at least ${min}` : min <= typeMin ? `, at most ${max}` : `, ${min} to ${max}`
}

export function sizeText(size: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) if (size >= units[unit]! && size % units[unit]! === 0) return `${size / units[unit]!}${unit}`
  return String(size)
}

function outside<T extends number | bigint>(value: T, min: T, max: T): InvalidValue | undefined {
  if (value < min) return new InvalidValue(`must be at least ${min}`)
  if (value > max) return new InvalidValue(`must be at most ${max}`)
  return undefined
}
