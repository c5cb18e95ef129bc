import { record } from '../../base/layout.ts'
import {
  block,
  branch,
  branchIf,
  type Code,
  call,
  type Fn,
  get,
  i32,
  i64,
  leave,
  loop,
  readGlobal,
  set,
  setGlobal,
  when,
} from './assembler.ts'

/** Result of a scan, at the address passed to it. Deltas are relative to the batch's base timestamp, in milliseconds. */
export const scanResult = record({ minDelta: 'i64', maxDelta: 'i64', index: 'i32', keyless: 'i32' })

/** Result codes of a scan. `index` of the result is the index of the record. */
export const scanStatus = { ok: 0, malformed: 1, offsetDelta: 2, trailing: 3 } as const

/** Module globals: end position of a long varint, and whether one was too long. */
const cursor = 0
const tooLong = 1
export const scanGlobals = 2

const zigzag32 = (v: Code): Code => i32.xor(i32.shrU(v, i32.const(1)), i32.sub(i32.const(0), i32.and(v, i32.const(1))))
const zigzag64 = (v: Code): Code => i64.xor(i64.shrU(v, i64.const(1n)), i64.sub(i64.const(0n), i64.and(v, i64.const(1n))))

/** A varint of more than one byte, as the unsigned value of the encoding. */
export function longVarint(bits: 32 | 64): Fn {
  const [at, byte, shift, value] = [0, 1, 2, 3]
  const [type, bytesMax] = bits === 32 ? (['i32', 5] as const) : (['i64', 10] as const)
  const wide = (code: Code): Code => (bits === 32 ? code : i64.fromI32(code))
  const { or, shl } = bits === 32 ? i32 : i64
  return {
    params: ['i32'],
    result: type,
    locals: ['i32', 'i32', type],
    body: [
      loop(
        set(byte, i32.load8(get(at))),
        set(at, i32.add(get(at), i32.const(1))),
        set(value, or(get(value), shl(wide(i32.and(get(byte), i32.const(0x7f))), wide(get(shift))))),
        set(shift, i32.add(get(shift), i32.const(7))),
        when(
          i32.gtU(get(byte), i32.const(0x7f)),
          branchIf(1, i32.ltU(get(shift), i32.const(7 * bytesMax))),
          setGlobal(tooLong, i32.const(1)),
        ),
      ),
      setGlobal(cursor, get(at)),
      get(value),
    ],
  }
}

/**
 * `scan(at, end, count, result)`: scans the records of an uncompressed batch without creating an object for any of them. Reads may pass
 * `end` by the length of a varint at most; bytes beyond `end` never affect the result.
 */
export function scanRecords(name: string, varint32: number, varint64: number): Fn {
  const [at, end, count, result] = [0, 1, 2, 3]
  const [index, limit, length, headers, delta, min, max, keyless] = [4, 5, 6, 7, 8, 9, 10, 11]

  const readLength = (target: number): Code => [
    ...set(target, i32.load8(get(at))),
    ...set(at, i32.add(get(at), i32.const(1))),
    ...when(
      i32.gtU(get(target), i32.const(0x7f)),
      set(target, call(varint32, i32.sub(get(at), i32.const(1)))),
      set(at, readGlobal(cursor)),
    ),
    ...set(target, zigzag32(get(target))),
  ]
  const readDelta: Code = [
    ...set(delta, i64.fromI32(i32.load8(get(at)))),
    ...set(at, i32.add(get(at), i32.const(1))),
    ...when(i64.gtS(get(delta), i64.const(0x7fn)), set(delta, call(varint64, i32.sub(get(at), i32.const(1)))), set(at, readGlobal(cursor))),
    ...set(delta, zigzag64(get(delta))),
  ]
  const finish = (status: number): Code => [
    ...i64.store(get(result), get(min), scanResult.minDelta),
    ...i64.store(get(result), get(max), scanResult.maxDelta),
    ...i32.store(get(result), get(index), scanResult.index),
    ...i32.store(get(result), get(keyless), scanResult.keyless),
    ...leave(i32.const(status)),
  ]
  const failWhen = (condition: Code, status: number = scanStatus.malformed): Code => when(condition, finish(status))
  /** Skips `length` bytes, where -1 means null and `least` is the smallest valid length. */
  const skip = (least: number): Code => [
    ...failWhen(i32.ltS(get(length), i32.const(least))),
    ...failWhen(i32.gtS(get(length), i32.sub(get(limit), get(at)))),
    ...when(i32.gtS(get(length), i32.const(0)), set(at, i32.add(get(at), get(length)))),
  ]

  return {
    name,
    params: ['i32', 'i32', 'i32', 'i32'],
    result: 'i32',
    locals: ['i32', 'i32', 'i32', 'i32', 'i64', 'i64', 'i64', 'i32'],
    body: [
      set(min, i64.const(2n ** 63n - 1n)),
      set(max, i64.const(-(2n ** 63n))),
      set(keyless, i32.const(-1)),
      setGlobal(tooLong, i32.const(0)),
      block(
        loop(
          branchIf(1, i32.eq(get(index), get(count))),
          failWhen(i32.eqz(i32.ltU(get(at), get(end)))),
          readLength(length),
          failWhen(i32.ltS(get(length), i32.const(0))),
          failWhen(i32.gtS(get(length), i32.sub(get(end), get(at)))),
          set(limit, i32.add(get(at), get(length))),
          set(at, i32.add(get(at), i32.const(1))), // attributes; none is in use
          readDelta,
          readLength(length),
          failWhen(i32.ne(get(length), get(index)), scanStatus.offsetDelta),
          when(i64.ltS(get(delta), get(min)), set(min, get(delta))),
          when(i64.gtS(get(delta), get(max)), set(max, get(delta))),
          readLength(length),
          when(i32.and(i32.ltS(get(length), i32.const(0)), i32.ltS(get(keyless), i32.const(0))), set(keyless, get(index))),
          skip(-1), // key
          readLength(length),
          skip(-1), // value
          readLength(headers),
          failWhen(i32.ltS(get(headers), i32.const(0))),
          block(
            loop(
              branchIf(1, i32.eqz(get(headers))),
              failWhen(i32.gtS(get(at), get(limit))),
              readLength(length),
              skip(0),
              readLength(length),
              skip(-1),
              set(headers, i32.sub(get(headers), i32.const(1))),
              branch(0),
            ),
          ),
          failWhen(i32.or(i32.ne(get(at), get(limit)), readGlobal(tooLong))),
          set(index, i32.add(get(index), i32.const(1))),
          branch(0),
        ),
      ),
      failWhen(i32.ne(get(at), get(end)), scanStatus.trailing),
      finish(scanStatus.ok),
      i32.const(0),
    ],
  }
}
