import { compile } from './compile.ts'
import type { Codec } from './message-codec.ts'
import { Reader } from './reader.ts'
import type { Fields, Message, Wire } from './schema.ts'
import { Writer } from './writer.ts'

/*
 * Two implementations of one table. `interpret` walks it; `compile` generates straight-line code from it.
 * The first is the definition, the second is fast; test/unit/wire/messages.test.ts compares them.
 */

const compiled = new WeakMap<object, (Codec<unknown> | undefined)[]>()

/** The compiled codec, compiled at first use. */
export function codec<F extends Fields>(table: Message<F>, version: number): Codec<Wire<Message<F>>> {
  let versions = compiled.get(table)
  if (versions === undefined) compiled.set(table, (versions = []))
  const made = (versions[version] ??= compile(table, version) as Codec<unknown>)
  return made as Codec<Wire<Message<F>>>
}

/** A message that occupies all of `bytes`. */
export function decode<F extends Fields>(table: Message<F>, version: number, bytes: Buffer): Wire<Message<F>> {
  const reader = new Reader(bytes)
  const value = codec(table, version).read(reader)
  reader.finish()
  return value
}

const encodedBytesMax = 256 * 1024 * 1024

/** One message in a buffer of its own. */
export function encode<F extends Fields>(table: Message<F>, version: number, value: Wire<Message<F>>): Buffer {
  const writer = new Writer(Buffer.allocUnsafeSlow(256), encodedBytesMax)
  codec(table, version).write(writer, value)
  return writer.finished()
}
