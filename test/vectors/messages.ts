import { compile } from '../../src/wire/compile.ts'
import { interpret } from '../../src/wire/interpret.ts'
import type { Codec } from '../../src/wire/message-codec.ts'
import { MalformedMessage } from '../../src/wire/primitives.ts'
import { Reader } from '../../src/wire/reader.ts'
import { type Message, rangeOf, type Wire } from '../../src/wire/schema.ts'
import { Writer } from '../../src/wire/writer.ts'
import { untraced } from '../support/untraced.ts'
import { difference, fromJson, type MessageVector, type MessageVectors, takeRecords } from './kafka-json.ts'
import { tables } from './tables.ts'
import type { Tally } from './tally.ts'

/** Throws what is wrong with a message. */
type Check = (table: Message, one: MessageVector) => void

/** One file of message vectors: every case, or those that are `selected` by their index, by all checks. */
export function checkMessages(
  file: string,
  { name, cases }: MessageVectors,
  tally: Tally,
  selected: (index: number) => boolean = () => true,
  checks: readonly Check[] = [agrees, rejectsPrefixes],
): void {
  const table = tables.get(name)
  if (table === undefined) tally.fail(file, undefined, `no table describes a message called ${name}`)
  else
    cases.forEach((one, index) => {
      if (!selected(index)) return
      tally.check(file, index, () => {
        for (const check of checks) check(table, one)
      })
    })
}

/** Both codecs read the value of the vector, and write its bytes. */
export const agrees: Check = (table, one) => {
  const [low, high] = rangeOf(table.versions)
  if (one.version < low || one.version > high) throw new Error(`${table.name} has no version ${one.version}, only ${low} to ${high}`)
  const bytes = Buffer.from(one.hex, 'hex')
  const stated = fromJson(table.fields, one.value, one.version, table.name)
  for (const make of [interpret, compile]) {
    const codec = make(table, one.version)
    const read = (from: Buffer): unknown => {
      const reader = new Reader(from)
      const value = codec.read(reader)
      reader.finish()
      return value
    }
    const found = read(bytes)
    const expected = takeRecords({ kind: 'struct', fields: table.fields }, stated, found)
    agree(difference(expected, found, `${make.name}: ${table.name}`))
    const writer = new Writer(Buffer.alloc(16), 1 << 24)
    codec.write(writer, expected as Wire<Message>)
    const written = writer.finished()
    if (one.unknownTaggedField) agree(difference(expected, read(written), `${make.name}, written and read again: ${table.name}`))
    else agree(difference(bytes, written, `${make.name}: bytes written`))
  }
}

/** Reading is a walk that takes every byte of a whole message, so a message that lacks its end must stop it. */
export const rejectsPrefixes: Check = (table, { version, hex }) => {
  const bytes = Buffer.from(hex, 'hex')
  const codec = compile(table, version)
  untraced(() => rejectsEachPrefix(codec, bytes))
}

function rejectsEachPrefix(codec: Pick<Codec<unknown>, 'read'>, bytes: Buffer): void {
  const reader = new Reader(bytes)
  for (let end = 0; end < bytes.length; end++) {
    try {
      codec.read(reader.reset(0, end))
    } catch (error) {
      if (error instanceof MalformedMessage) continue
      throw new Error(`the first ${end} of ${bytes.length} bytes: ${error}`)
    }
    throw new Error(`the first ${end} of ${bytes.length} bytes were taken for a message`)
  }
}

function agree(validationError: string | undefined): void {
  if (validationError !== undefined) throw new Error(validationError)
}
