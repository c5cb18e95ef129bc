import type { Codec } from './message-codec.ts'
import type { Reader } from './reader.ts'
import type { Field, Fields, Message, Scalar, Wire } from './schema.ts'
import { defaultOf, isDefault } from './schema.ts'
import { bytesMin, isFlexibleField, nullableAt, path, placeOf, type Site } from './walk.ts'
import type { Writer } from './writer.ts'

type Values = Record<string, unknown>

/** The definition of the wire format: walks the table for every value. */
export function interpret<F extends Fields>(table: Message<F>, version: number): Codec<Wire<Message<F>>> {
  const site: Site = { message: table, version, path: table.name }
  return {
    read: (from) => readStruct(table.fields, site, from) as Wire<Message<F>>,
    write: (to, value) => writeStruct(table.fields, site, to, value as Values),
  }
}

function readStruct(fields: Fields, site: Site, r: Reader): Values {
  const out: Values = {}
  for (const [name, field] of Object.entries(fields)) {
    out[name] = placeOf(field, site) === 'inline' ? readField(field, path(site, name), r) : defaultOf(field)
  }
  if (isFlexibleField(undefined, site)) readTagged(fields, site, r, out)
  return out
}

function readTagged(fields: Fields, site: Site, r: Reader, out: Values): void {
  let last = -1
  for (let left = r.tagCount(); left > 0; left--) {
    last = r.tag(last)
    const known = Object.entries(fields).find(([, field]) => placeOf(field, site) === 'tagged' && field.tag === last)
    if (known === undefined) {
      r.skipTag()
      continue
    }
    const outer = r.enterTag()
    out[known[0]] = readField(known[1], path(site, known[0]), r)
    r.leaveTag(outer)
  }
}

function readField(field: Field, site: Site, r: Reader): unknown {
  const flexible = isFlexibleField(field, site)
  switch (field.kind) {
    case 'string': {
      const length = readLength(field, site, flexible ? r.lengthCompact() : r.length16(), r)
      return length < 0 ? null : r.text(length)
    }
    case 'bytes':
    case 'records': {
      const length = readLength(field, site, flexible ? r.lengthCompact() : r.length32(), r)
      return length < 0 ? null : r.bytes(length)
    }
    case 'array': {
      const length = readLength(field, site, flexible ? r.lengthCompact() : r.length32(), r)
      const count = r.count(length, bytesMin(field.of!, site))
      return count < 0 ? null : Array.from({ length: count }, () => readField(field.of!, site, r))
    }
    case 'struct':
      if (!nullableAt(field, site)) return readStruct(field.fields!, site, r)
      return (field.tag === undefined ? r.present() : r.presentTagged()) ? readStruct(field.fields!, site, r) : null
    default:
      return r[field.kind]()
  }
}

function readLength(field: Field, site: Site, length: number, r: Reader): number {
  return nullableAt(field, site) ? length : r.given(length, site.path)
}

function writeStruct(fields: Fields, site: Site, w: Writer, value: Values): void {
  const tagged: [number, string, Field][] = []
  for (const [name, field] of Object.entries(fields)) {
    const place = placeOf(field, site)
    const isWritten = place === 'inline' || !isDefault(field, value[name])
    if (place === 'inline') writeField(field, path(site, name), w, value[name])
    else if (place === 'tagged' && isWritten) tagged.push([field.tag!, name, field])
    else if (place === 'absent' && isWritten && !field.ignorable) w.rejectVersion(path(site, name).path, site.version)
  }
  if (!isFlexibleField(undefined, site)) return
  w.uvarint(tagged.length)
  for (const [tag, name, field] of tagged.sort((a, b) => a[0] - b[0])) {
    const mark = w.enterTag(tag)
    writeField(field, path(site, name), w, value[name])
    w.leaveTag(mark)
  }
}

function writeField(field: Field, site: Site, w: Writer, value: unknown): void {
  if (value === null) writeNull(field, site, w)
  else if (field.kind === 'array') writeArray(field, site, w, value as unknown[])
  else if (field.kind === 'struct') {
    if (nullableAt(field, site)) w.int8(1)
    writeStruct(field.fields!, site, w, value as Values)
  } else writeScalar(field.kind, isFlexibleField(field, site), w, value as never)
}

function writeScalar(kind: Scalar, flexible: boolean, w: Writer, value: never): void {
  if (kind === 'string' && flexible) w.stringCompact(value)
  else if (kind === 'bytes' || kind === 'records') flexible ? w.bytesCompact(value) : w.bytes(value)
  else w[kind](value)
}

function writeArray(field: Field, site: Site, w: Writer, items: readonly unknown[]): void {
  if (isFlexibleField(field, site)) w.uvarint(items.length + 1)
  else w.int32(items.length)
  for (const item of items) writeField(field.of!, site, w, item)
}

function writeNull(field: Field, site: Site, w: Writer): void {
  if (!nullableAt(field, site)) w.rejectNull(site.path)
  else if (field.kind === 'struct') w.int8(field.tag === undefined ? -1 : 0)
  else if (isFlexibleField(field, site)) w.uvarint(0)
  else if (field.kind === 'string') w.int16(-1)
  else w.int32(-1)
}
