/**
 * A minimal WebAssembly assembler: the kernels are written as expressions. An instruction is the array of its bytes, operands first.
 * Source: WebAssembly Core Specification 2.0, chapter 5; threads proposal for shared memories.
 */
export type Code = readonly number[]

const op =
  (byte: number) =>
  (...operands: Code[]): Code => [...operands.flat(), byte]

/** `align` is only a hint to the engine; 0 guarantees no alignment. */
const load =
  (byte: number) =>
  (address: Code, offset = 0): Code => [...address, byte, 0, ...unsigned(offset)]
const store =
  (byte: number) =>
  (address: Code, value: Code, offset = 0): Code => [...address, ...value, byte, 0, ...unsigned(offset)]

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(BigInt(value | 0))],
  load: load(0x28),
  load8: load(0x2d),
  store: store(0x36),
  store8: store(0x3a),
  eqz: op(0x45),
  eq: op(0x46),
  ne: op(0x47),
  ltS: op(0x48),
  ltU: op(0x49),
  gtS: op(0x4a),
  gtU: op(0x4b),
  add: op(0x6a),
  sub: op(0x6b),
  and: op(0x71),
  or: op(0x72),
  xor: op(0x73),
  shl: op(0x74),
  shrU: op(0x76),
  fromI64: op(0xa7),
} as const

export const i64 = {
  const: (value: bigint): Code => [0x42, ...signed(value)],
  load: load(0x29),
  store: store(0x37),
  ltS: op(0x53),
  gtS: op(0x55),
  sub: op(0x7d),
  and: op(0x83),
  or: op(0x84),
  xor: op(0x85),
  shl: op(0x86),
  shrU: op(0x88),
  fromI32: op(0xad),
} as const

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]
export const call = (fn: number, ...operands: Code[]): Code => [...operands.flat(), 0x10, ...unsigned(fn)]
export const readGlobal = (index: number): Code => [0x23, ...unsigned(index)]
export const setGlobal = (index: number, value: Code): Code => [...value, 0x24, ...unsigned(index)]
/** Copies `bytes` inside the memory; the regions may overlap. */
export const memoryCopy = (to: Code, from: Code, bytes: Code): Code => [...to, ...from, ...bytes, 0xfc, 0x0a, 0x00, 0x00]

/** Labels count outwards from 0, which is the innermost block or loop. */
export const block = (...body: Code[]): Code => [0x02, 0x40, ...body.flat(), 0x0b]
export const loop = (...body: Code[]): Code => [0x03, 0x40, ...body.flat(), 0x0b]
export const when = (condition: Code, ...body: Code[]): Code => [...condition, 0x04, 0x40, ...body.flat(), 0x0b]
export const branch = (label: number): Code => [0x0c, ...unsigned(label)]
export const branchIf = (label: number, condition: Code): Code => [...condition, 0x0d, ...unsigned(label)]
export const leave = (value: Code): Code => [...value, 0x0f]

export type ValueType = 'i32' | 'i64'
const typeByte = { i32: 0x7f, i64: 0x7e } as const

export interface Fn {
  /** Absent: callable only from other functions. */
  readonly name?: string
  readonly params: readonly ValueType[]
  readonly result: ValueType
  readonly locals: readonly ValueType[]
  readonly body: readonly Code[]
}

/** A module of these functions with one imported shared memory `env.memory`. `globals`: number of mutable i32 globals, which start at 0. */
export function assemble(functions: readonly Fn[], globals: number, maximumPages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map((f) => [0x60, ...vector(f.params.map((p) => [typeByte[p]])), 1, typeByte[f.result]])
  const memory = [...text('env'), ...text('memory'), 0x02, 0x03, ...unsigned(1), ...unsigned(maximumPages)]
  const bodies = functions.map((f) => {
    const code = [...vector(f.locals.map((l) => [1, typeByte[l]])), ...f.body.flat(), 0x0b]
    return [...unsigned(code.length), ...code]
  })
  const exported = functions.flatMap((f, index) => (f.name ? [[...text(f.name), 0x00, ...unsigned(index)]] : []))
  const zeroGlobal = [typeByte.i32, 1, ...i32.const(0), 0x0b]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, vector([memory])),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(6, vector(Array.from({ length: globals }, () => zeroGlobal))),
    ...section(7, vector(exported)),
    ...section(10, vector(bodies)),
  ])
}

const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content]
const vector = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()]
const text = (value: string): Code => vector([...value].map((c) => [c.charCodeAt(0)]))

/** LEB128. */
function unsigned(value: number): Code {
  const out: number[] = []
  let rest = value >>> 0
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  out.push(rest)
  return out
}

function signed(value: bigint): Code {
  const out: number[] = []
  let rest = value
  for (;;) {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    const done = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)
    out.push(done ? low : low | 0x80)
    if (done) return out
  }
}
