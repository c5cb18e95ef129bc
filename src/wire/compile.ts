import { assert } from '../base/assert.ts'
import type { Codec } from './message-codec.ts'
import type { Field, Fields, Message, Wire } from './schema.ts'
import { rangeOf } from './schema.ts'
import { bytesMin, isFlexibleField, nullableAt, path, placeOf, type Site } from './walk.ts'

/**
 * One version of a table as straight-line code: reads and writes do not access the table.
 * The code consists of the table's own names and numbers; no bytes from a connection are part of it.
 */
export function compile<F extends Fields>(table: Message<F>, version: number): Codec<Wire<Message<F>>> {
  const [low, high] = rangeOf(table.versions)
  assert(low <= version && version <= high, `${table.name} has version ${version}`)
  const site: Site = { message: table, version, path: table.name }
  const functions: string[] = []
  const read = new ReadEmitter(functions).struct(table.fields, site)
  const write = new WriteEmitter(functions).struct(table.fields, site)
  const body = `'use strict'\n${functions.join('\n')}\nreturn { read: ${read}, write: ${write} }`
  return new Function(body)() as Codec<Wire<Message<F>>>
}

type Named = readonly [name: string, field: Field, site: Site]

function fieldsAt(fields: Fields, site: Site, place: 'inline' | 'tagged' | 'absent'): Named[] {
  return Object.entries(fields)
    .filter(([, field]) => placeOf(field, site) === place)
    .map(([name, field]) => [name, field, path(site, name)] as const)
}

const taggedAt = (fields: Fields, site: Site): Named[] => fieldsAt(fields, site, 'tagged').sort((a, b) => a[1].tag! - b[1].tag!)

/** A readable name for profiles: read_ProduceRequest_topicData_v9. */
const nameOf = (verb: string, site: Site): string => `${verb}_${site.path.replaceAll('.', '_')}_v${site.version}`

/** The default as an expression that creates a new value. */
function literal(field: Field): string {
  if (field.default !== undefined) return typeof field.default === 'bigint' ? `${field.default}n` : JSON.stringify(field.default)
  switch (field.kind) {
    case 'bool':
      return 'false'
    case 'int64':
      return '0n'
    case 'uuid':
      return `'AAAAAAAAAAAAAAAAAAAAAA'`
    case 'string':
      return `''`
    case 'bytes':
      return 'Buffer.alloc(0)'
    case 'records':
      return field.nullable === undefined ? 'Buffer.alloc(0)' : 'null'
    case 'array':
      return '[]'
    case 'struct':
      return `{ ${Object.entries(field.fields!).map(([name, f]) => `${name}: ${literal(f)}`)} }`
    default:
      return '0'
  }
}

class ReadEmitter {
  readonly #functions: string[]
  constructor(functions: string[]) {
    this.#functions = functions
  }

  /** The object is created at the end, by one literal with every field in table order: one hidden class for all versions. */
  struct(fields: Fields, site: Site): string {
    const name = nameOf('read', site)
    const lines = Object.entries(fields).map(([key, field]) => {
      const place = placeOf(field, site)
      return `${place === 'tagged' ? 'let' : 'const'} $${key} = ${place === 'inline' ? this.#field(field, path(site, key)) : literal(field)}`
    })
    if (isFlexibleField(undefined, site)) lines.push(this.#tags(taggedAt(fields, site)))
    const object = Object.keys(fields).map((key) => `${key}: $${key}`)
    this.#functions.push(`function ${name}(r) {\n${lines.join('\n')}\nreturn { ${object} }\n}`)
    return name
  }

  #tags(tagged: Named[]): string {
    if (tagged.length === 0) return 'r.skipTags()'
    const cases = tagged.map(
      ([key, field, at]) =>
        `case ${field.tag}: { const outer = r.enterTag(); $${key} = ${this.#field(field, at)}; r.leaveTag(outer); break }`,
    )
    return `for (let left = r.tagCount(), tag = -1; left > 0; left--) {
tag = r.tag(tag)
switch (tag) { ${cases.join('\n')}
default: r.skipTag() }
}`
  }

  #field(field: Field, site: Site): string {
    switch (field.kind) {
      case 'string':
        return this.#sized(field, site, 'text', isFlexibleField(field, site) ? 'r.lengthCompact()' : 'r.length16()')
      case 'bytes':
      case 'records':
        return this.#sized(field, site, 'bytes', isFlexibleField(field, site) ? 'r.lengthCompact()' : 'r.length32()')
      case 'array':
        return `${this.#array(field, site)}(r)`
      case 'struct': {
        const struct = `${this.struct(field.fields!, site)}(r)`
        if (!nullableAt(field, site)) return struct
        return `(${field.tag === undefined ? 'r.present()' : 'r.presentTagged()'} ? ${struct} : null)`
      }
      default:
        return `r.${field.kind}()`
    }
  }

  #sized(field: Field, site: Site, method: string, length: string): string {
    if (!nullableAt(field, site)) return `r.${method}(r.given(${length}, '${site.path}'))`
    const name = nameOf('read', site)
    this.#functions.push(`function ${name}(r) { const n = ${length}; return n < 0 ? null : r.${method}(n) }`)
    return `${name}(r)`
  }

  #array(field: Field, site: Site): string {
    const name = `${nameOf('read', site)}_all`
    const length = isFlexibleField(field, site) ? 'r.lengthCompact()' : 'r.length32()'
    const given = nullableAt(field, site) ? length : `r.given(${length}, '${site.path}')`
    const item = this.#field(field.of!, site)
    this.#functions.push(`function ${name}(r) {
const n = r.count(${given}, ${bytesMin(field.of!, site)})
if (n < 0) return null
const out = []
for (let i = 0; i < n; i++) out.push(${item})
return out
}`)
    return name
  }
}

class WriteEmitter {
  readonly #functions: string[]
  constructor(functions: string[]) {
    this.#functions = functions
  }

  struct(fields: Fields, site: Site): string {
    const name = nameOf('write', site)
    const lines = fieldsAt(fields, site, 'absent')
      .filter(([, field]) => !field.ignorable)
      .map(([key, field, at]) => `if (${this.#isWritten(field, `v.${key}`, at)}) w.rejectVersion('${at.path}', ${site.version})`)
    for (const [key, field, at] of fieldsAt(fields, site, 'inline')) lines.push(this.#field(field, `v.${key}`, at))
    if (isFlexibleField(undefined, site)) lines.push(...this.#tags(taggedAt(fields, site)))
    this.#functions.push(`function ${name}(w, v) {\n${lines.join('\n')}\n}`)
    return name
  }

  #tags(tagged: Named[]): string[] {
    if (tagged.length === 0) return ['w.uvarint(0)']
    const written = tagged.map(([key, field, at]) => `const $${key} = ${this.#isWritten(field, `v.${key}`, at)}`)
    const count = `w.uvarint(${tagged.map(([key]) => `($${key} ? 1 : 0)`).join(' + ')})`
    const fields = tagged.map(
      ([key, field, at]) =>
        `if ($${key}) { const mark = w.enterTag(${field.tag}); ${this.#field(field, `v.${key}`, at)}; w.leaveTag(mark) }`,
    )
    return [...written, count, ...fields]
  }

  /** Whether a value differs from the default. */
  #isWritten(field: Field, v: string, site: Site): string {
    if (field.default !== undefined) return `${v} !== ${literal(field)}`
    switch (field.kind) {
      case 'array':
      case 'bytes':
        return `(${v} === null || ${v}.length !== 0)`
      case 'records':
        return field.nullable === undefined ? `${v}.length !== 0` : `${v} !== null`
      case 'struct':
        return `(${[`${v} === null`, ...Object.entries(field.fields!).map(([key, f]) => this.#isWritten(f, `${v}.${key}`, site))].join(' || ')})`
      default:
        return `${v} !== ${literal(field)}`
    }
  }

  #field(field: Field, v: string, site: Site): string {
    const write = this.#value(field, v, site)
    const nullable = nullableAt(field, site)
    if (field.kind !== 'struct' && field.kind !== 'array' && widthKinds.has(field.kind)) return write
    return `if (${v} === null) ${nullable ? this.#null(field, site) : `w.rejectNull('${site.path}')`}; else { ${write} }`
  }

  #null(field: Field, site: Site): string {
    if (field.kind === 'struct') return `w.int8(${field.tag === undefined ? -1 : 0})`
    if (isFlexibleField(field, site)) return 'w.uvarint(0)'
    return field.kind === 'string' ? 'w.int16(-1)' : 'w.int32(-1)'
  }

  #value(field: Field, v: string, site: Site): string {
    const flexible = isFlexibleField(field, site)
    switch (field.kind) {
      case 'string':
        return flexible ? `w.stringCompact(${v})` : `w.string(${v})`
      case 'bytes':
      case 'records':
        return flexible ? `w.bytesCompact(${v})` : `w.bytes(${v})`
      case 'array':
        return `${this.#array(field, site)}(w, ${v})`
      case 'struct':
        return `${nullableAt(field, site) ? 'w.int8(1); ' : ''}${this.struct(field.fields!, site)}(w, ${v})`
      default:
        return `w.${field.kind}(${v})`
    }
  }

  #array(field: Field, site: Site): string {
    const name = `${nameOf('write', site)}_all`
    const count = isFlexibleField(field, site) ? 'w.uvarint(items.length + 1)' : 'w.int32(items.length)'
    const item = this.#field(field.of!, 'item', site)
    this.#functions.push(
      `function ${name}(w, items) {\n${count}\nfor (let i = 0; i < items.length; i++) { const item = items[i]; ${item} }\n}`,
    )
    return name
  }
}

/** Kinds that are never null. */
const widthKinds: ReadonlySet<string> = new Set(['bool', 'int8', 'int16', 'uint16', 'uint32', 'int32', 'int64', 'float64', 'uuid'])
