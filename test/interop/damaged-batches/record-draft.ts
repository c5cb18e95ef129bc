import { below, chance, nextWord, type Prng } from '../../../src/base/prng.ts'

/** Records as lists of fields, so that any one of them can be made wrong before they are put together. */
export interface Field {
  readonly name: string
  readonly isVarint: boolean
  readonly bytes: Buffer
}

export interface RecordDraft {
  readonly fields: Field[]
  /** Of the record, where it is not what follows. */
  length?: Buffer
}

export function varint(value: bigint | number): Buffer {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  const out: number[] = []
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  out.push(Number(rest))
  return Buffer.from(out)
}

const number = (name: string, value: bigint | number): Field => ({ name, isVarint: true, bytes: varint(value) })
const bytesOf = (name: string, bytes: Buffer): Field => ({ name, isVarint: false, bytes })

function text(random: Prng, bytesMax: number): Buffer {
  const out = Buffer.alloc(below(random, bytesMax + 1))
  const letters = 1 + below(random, 60)
  for (let at = 0; at < out.length; at++) out[at] = 65 + below(random, letters)
  return out
}

/** A record that is right. */
export function draftRecord(random: Prng, index: number, valueBytesMax: number): RecordDraft {
  const key = chance(random, 700) ? text(random, 30) : null
  const value = chance(random, 950) ? text(random, valueBytesMax) : null
  const fields: Field[] = [
    bytesOf('attributes', Buffer.from([0])),
    number('timestamp delta', chance(random, 900) ? below(random, 5000) : -BigInt(nextWord(random)) * BigInt(nextWord(random))),
    number('offset delta', index),
    number('key length', key === null ? -1 : key.length),
    bytesOf('key', key ?? Buffer.alloc(0)),
    number('value length', value === null ? -1 : value.length),
    bytesOf('value', value ?? Buffer.alloc(0)),
  ]
  const headers = chance(random, 300) ? below(random, 4) : 0
  fields.push(number('header count', headers))
  for (let i = 0; i < headers; i++) {
    const name = text(random, 10)
    const content = chance(random, 900) ? text(random, 20) : null
    fields.push(number('header key length', name.length), bytesOf('header key', name))
    fields.push(number('header value length', content === null ? -1 : content.length), bytesOf('header value', content ?? Buffer.alloc(0)))
  }
  return { fields }
}

export function putTogether(records: readonly RecordDraft[]): Buffer {
  return Buffer.concat(
    records.flatMap(({ fields, length }) => {
      const body = Buffer.concat(fields.map((field) => field.bytes))
      return [length ?? varint(body.length), body]
    }),
  )
}

const extremes = [
  -1n,
  -2n,
  0n,
  1n,
  2n,
  127n,
  128n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 30n,
  2n ** 31n,
  2n ** 32n,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
]

/** Another number where one was, in any of the ways in which a varint can be wrong. */
function wrongVarint(random: Prng, right: Buffer): [string, Buffer] {
  switch (below(random, 5)) {
    case 0: {
      const value = extremes[below(random, extremes.length)]!
      return [`is ${value}`, varint(value)]
    }
    case 1: {
      const more = below(random, 11)
      // The same value with zero bytes behind it.
      const long = Buffer.concat([right, Buffer.alloc(more)])
      for (let at = 0; at < long.length - 1; at++) long[at]! |= 0x80
      return [`has ${more} zero bytes`, long]
    }
    case 2: {
      const bytes = Buffer.from(right)
      bytes[below(random, bytes.length)]! ^= 1 << below(random, 8)
      return ['has a wrong bit', bytes]
    }
    case 3:
      return ['is long', Buffer.concat([Buffer.alloc(below(random, 12), 0xff), Buffer.from([below(random, 256)])])]
    default:
      return ['is a little off', Buffer.from([(right[0]! + 2 * (below(random, 7) - 3)) & 0x7f, ...right.subarray(1)])]
  }
}

/** Makes one of the records wrong. The result says how. */
export function damageRecord(random: Prng, records: RecordDraft[]): string {
  const at = below(random, records.length)
  const record = records[at]!
  const size = Buffer.concat(record.fields.map((field) => field.bytes)).length
  switch (below(random, 8)) {
    case 0: {
      const [how, length] = wrongVarint(random, varint(size))
      record.length = length
      return `record length ${how}`
    }
    case 1: {
      const bytes = Buffer.alloc(1 + below(random, 5), below(random, 256))
      record.fields.push(bytesOf('rest', bytes))
      if (chance(random, 500)) record.length = varint(size)
      return 'bytes behind the headers'
    }
    case 2:
      records.splice(at, 1)
      return 'a record is missing'
    case 3:
      records.splice(at, 0, { ...record })
      return 'a record is there twice'
    case 4:
      record.fields.splice(below(random, record.fields.length), 1)
      if (chance(random, 500)) record.length = varint(size)
      return 'a field is missing'
    default: {
      const numbers = record.fields.filter((field) => field.isVarint)
      const field = numbers[below(random, numbers.length)]!
      const [how, bytes] = wrongVarint(random, field.bytes)
      record.fields[record.fields.indexOf(field)] = { ...field, bytes }
      if (chance(random, 300)) record.length = varint(size)
      return `${field.name} ${how}`
    }
  }
}
