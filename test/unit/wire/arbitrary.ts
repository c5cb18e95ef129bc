import { below, chance, nextWord, type Prng } from '../../../src/base/prng.ts'
import { defaultOf, type Field, type Fields, type Message, type Wire, within } from '../../../src/wire/schema.ts'

/** Any value that a version of a table can encode: the table is also the generator. */
export function arbitrary<F extends Fields>(table: Message<F>, version: number, p: Prng): Wire<Message<F>> {
  return arbitraryOf({ kind: 'struct', fields: table.fields }, version, p) as Wire<Message<F>>
}

const letters = ['a', 'Z', '-', ' ', 'é', '日', '🦀', '\0']

function arbitraryOf(field: Field, version: number, p: Prng): unknown {
  if (field.nullable !== undefined && within(field.nullable, version) && chance(p, 200)) return null
  switch (field.kind) {
    case 'bool':
      return chance(p, 500)
    case 'int8':
      return below(p, 1 << 8) - (1 << 7)
    case 'int16':
      return below(p, 1 << 16) - (1 << 15)
    case 'uint16':
      return below(p, 1 << 16)
    case 'int32':
      return nextWord(p) | 0
    case 'uint32':
      return nextWord(p)
    case 'int64':
      return BigInt.asIntN(64, (BigInt(nextWord(p)) << 32n) | BigInt(nextWord(p)))
    case 'float64':
      return (nextWord(p) - 2 ** 31) / 1024
    case 'uuid':
      return arbitraryBytes(p, 16).toString('base64url')
    case 'string':
      return Array.from({ length: chance(p, 50) ? below(p, 300) : below(p, 12) }, () => letters[below(p, letters.length)]).join('')
    case 'bytes':
    case 'records':
      return arbitraryBytes(p, chance(p, 50) ? below(p, 20_000) : below(p, 40))
    case 'array':
      return Array.from({ length: below(p, 4) }, () => arbitraryOf(field.of!, version, p))
    case 'struct':
      return Object.fromEntries(
        Object.entries(field.fields!).map(([name, inner]) => {
          const isSaid = within(inner.versions, version) && (inner.tag === undefined || chance(p, 700))
          return [name, isSaid ? arbitraryOf(inner, version, p) : defaultOf(inner)]
        }),
      )
  }
}

export const arbitraryBytes = (p: Prng, count: number): Buffer => Buffer.from(Array.from({ length: count }, () => below(p, 256)))
