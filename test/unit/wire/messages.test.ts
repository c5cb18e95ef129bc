import { expect, test } from 'vitest'
import { prng } from '../../../src/base/prng.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/wire/api/00-produce.ts'
import { codec, decode, encode } from '../../../src/wire/codec.ts'
import { compile } from '../../../src/wire/compile.ts'
import { interpret } from '../../../src/wire/interpret.ts'
import { MalformedMessage, UnencodableMessage } from '../../../src/wire/primitives.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { array, blank, int32, int64, message, string, struct, type Wire } from '../../../src/wire/schema.ts'
import { Writer } from '../../../src/wire/writer.ts'
import { groupsOf } from '../../support/groups.ts'
import { difference } from '../../vectors/kafka-json.ts'
import { everyVersion } from '../../vectors/tables.ts'
import { arbitrary } from './arbitrary.ts'

const valuesEach = 12

const versions = [...everyVersion()].map(([table, version], index) => ({ table, version, seed: index + 1 }))

test.each(groupsOf(versions, 150).map((group, i) => ({ group, i })))(
  'codec: interpreted and compiled write the same bytes and read the same values (tables and versions, group $i)',
  ({ group }) => {
    const differences: string[] = []
    const agree = (difference: string | undefined): void => {
      if (difference !== undefined) differences.push(difference)
    }
    for (const { table, version, seed } of group) {
      const p = prng(seed)
      const [slow, fast] = [interpret(table, version), compile(table, version)]
      for (let i = 0; i < valuesEach; i++) {
        const where = `${table.name} v${version} of seed ${seed}`
        const value = arbitrary(table, version, p)
        const [a, b] = [new Writer(Buffer.alloc(8), 1 << 24), new Writer(Buffer.alloc(8), 1 << 24)]
        slow.write(a, value)
        fast.write(b, value)
        const bytes = a.finished()
        agree(difference(bytes, b.finished(), where))
        for (const [one, reader] of [slow, fast].map((c) => [c, new Reader(bytes)] as const)) {
          agree(difference(value, one.read(reader), where))
          agree(difference(0, reader.remaining, `${where}: bytes left`))
        }
      }
    }
    expect(differences).toEqual([])
  },
)

test('codec: types derive from the table', () => {
  const request: ProduceRequest = blank(ProduceRequest)
  request.topicData.push({ name: 't', topicId: '', partitionData: [{ index: 0, records: null }] })
  // @ts-expect-error acks is a number
  request.acks = 'all'
  // @ts-expect-error a name is never null
  request.topicData[0]!.name = null
  expect(request.topicData.length).toBe(1)
})

test('codec: a field that a version lacks reads its default, and every field is present', () => {
  const value = decode(ProduceResponse, 3, encode(ProduceResponse, 3, blank(ProduceResponse)))
  expect(value).toEqual(blank(ProduceResponse))
  expect(Object.keys(value)).toEqual(Object.keys(ProduceResponse.fields))
})

const sample = message(
  'Sample',
  { versions: '0-4', flexible: '2+' },
  {
    id: int32(),
    name: string({ nullable: '1+', default: null }),
    strict: int32({ versions: '1+', default: -1 }),
    lenient: int64({ versions: '1+', ignorable: true }),
    items: array({ key: string() }, { nullable: '1+' }),
    late: string({ versions: '3+', tag: 0 }),
    leader: struct({ id: int32({ default: -1 }) }, { versions: '3+', tag: 1 }),
    extra: struct({ id: int32() }, { versions: '4+', nullable: '4+', default: null }),
  },
)
const plain: Wire<typeof sample> = { ...blank(sample), name: '' }
const hex = (version: number, value: typeof plain): string => encode(sample, version, value).toString('hex')

test('codec: an old version drops ignorable fields and rejects others', () => {
  expect(hex(0, { ...plain, lenient: 7n })).toBe(hex(0, plain))
  for (const make of [interpret, compile]) {
    const write = (value: typeof plain) => make(sample, 0).write(new Writer(Buffer.alloc(64)), value)
    expect(() => write({ ...plain, strict: 7 })).toThrow(new UnencodableMessage('version 0 can only encode the default of Sample.strict'))
    expect(() => write({ ...plain, leader: { id: 1 } })).toThrow('Sample.leader')
    expect(() => write({ ...plain, late: 'x' })).toThrow('Sample.late')
  }
})

test('codec: null is written where the version has it and rejected where not', () => {
  expect(hex(1, { ...plain, name: null, items: null })).toBe(`00000000${'ffff'}ffffffff${'00'.repeat(8)}ffffffff`)
  expect(hex(2, { ...plain, name: null, items: null })).toBe(`00000000${'00'}ffffffff${'00'.repeat(8)}00${'00'}`)
  for (const make of [interpret, compile]) {
    const codec0 = make(sample, 0)
    expect(() => codec0.write(new Writer(Buffer.alloc(64)), { ...plain, items: null })).toThrow('Sample.items is never null')
    expect(() => codec0.read(new Reader(Buffer.from('00000000ffff', 'hex')))).toThrow(
      'expected Sample.name, which is never null, found null',
    )
  }
})

test('codec: tagged fields are written in order when they are not their default, and only then', () => {
  const head = `00000000${'01'}ffffffff${'00'.repeat(8)}${'01'}`
  expect(hex(3, plain)).toBe(`${head}00`)
  expect(hex(3, { ...plain, leader: { id: 5 }, late: 'x' })).toBe(`${head}02${'000202'}78${'01050000000500'}`)
})

test('codec: a nullable struct is one byte, and another byte is rejected', () => {
  const head = `00000000${'01'}ffffffff${'00'.repeat(8)}${'01'}`
  expect(hex(4, plain)).toBe(`${head}ff00`)
  expect(hex(4, { ...plain, extra: { id: 6 } })).toBe(`${head}01000000060000`)
  expect(() => decode(sample, 4, Buffer.from(`${head}0500`, 'hex'))).toThrow('expected 1 for a struct or -1 for null, found 5')
})

test('codec: unknown tags are skipped; tags that repeat, descend or do not fit are rejected', () => {
  const head = `00000000${'01'}ffffffff${'00'.repeat(8)}${'01'}`
  const read = (tags: string): unknown => decode(sample, 3, Buffer.from(head + tags, 'hex'))
  expect(read('02000202780903aabbcc')).toMatchObject({ late: 'x' })
  expect(() => read('02000101000101')).toThrow('expected a tag above 0, found 0')
  expect(() => read('020903aabbcc080101')).toThrow('expected a tag above 9, found 8')
  expect(() => read('01000378')).toThrow(MalformedMessage)
  expect(() => read('0100030278ff')).toThrow('expected the end of a tagged field, found 1 more bytes')
  expect(() => read('ffffffff0f')).toThrow('expected tagged fields that fit, found 4294967295 of them')
})

test('codec: a long tagged field has its size prefix, of any length', () => {
  for (const length of [0, 1, 125, 126, 127, 128, 16_000, 32_767]) {
    const late = 'x'.repeat(length)
    expect(decode(sample, 3, encode(sample, 3, { ...plain, late })).late).toBe(late)
  }
})

test('codec: each codec is compiled once', () => {
  expect(codec(ProduceRequest, 9)).toBe(codec(ProduceRequest, 9))
  expect(() => codec(ProduceRequest, 14)).toThrow('ProduceRequest has version 14')
})

test('one hidden class: every version reads its fields in the order of the table', () => {
  for (const [table, version] of everyVersion()) {
    const value = compile(table, version).read(new Reader(encode(table, version, arbitrary(table, version, prng(1)))))
    expect(Object.keys(value)).toEqual(Object.keys(table.fields))
  }
})
