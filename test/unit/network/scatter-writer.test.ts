import { expect, test } from 'vitest'
import { below, prng } from '../../../src/base/prng.ts'
import { ScatterWriter } from '../../../src/network/scatter-writer.ts'
import { FetchResponse } from '../../../src/wire/api/01-fetch.ts'
import { codec } from '../../../src/wire/codec.ts'
import { inOnePiece, Slices } from '../../../src/wire/slices.ts'
import { Writer } from '../../../src/wire/writer.ts'
import { arbitrary } from '../wire/arbitrary.ts'

test('scatter writer: a scattered message has the bytes of one that was written in one piece', () => {
  const p = prng(3)
  const scatter = new ScatterWriter(Buffer.alloc(16), 1 << 24)
  for (let round = 0; round < 300; round++) {
    const version = 4 + below(p, 15)
    const plain = arbitrary(FetchResponse, version, p)
    const sliced = structuredClone(plain)
    for (const [i, topic] of plain.responses.entries()) {
      for (const [j, { records }] of topic.partitions.entries()) {
        const bytes = inOnePiece(records ?? Buffer.alloc(0))
        const pieces = below(p, 3) === 0 ? [] : Array.from({ length: below(p, 4) }, () => Buffer.alloc(below(p, 50), below(p, 256)))
        ;(topic.partitions[j] as { records: Buffer }).records = pieces.length > 0 ? Buffer.concat(pieces) : bytes
        ;(sliced.responses[i]!.partitions[j] as { records: Buffer | Slices }).records = pieces.length > 0 ? new Slices(pieces) : bytes
      }
    }
    const writer = new Writer(Buffer.alloc(16), 1 << 24)
    writer.int32(0)
    codec(FetchResponse, version).write(writer, plain)
    writer.patchInt32(0, writer.at - 4)
    scatter.reset().int32(0)
    codec(FetchResponse, version).write(scatter, sliced)
    expect(Buffer.concat(scatter.gather()).equals(writer.finished())).toBe(true)
  }
})

test('scatter writer: slices are sent without a copy, and the bytes around them survive the next message', () => {
  const piece = Buffer.alloc(100, 7)
  const scatter = new ScatterWriter(Buffer.alloc(16), 1 << 20)
  const write = (fill: number): Uint8Array[] => {
    scatter.reset().int32(0)
    scatter.int32(fill)
    scatter.bytes(new Slices([piece, piece]))
    scatter.int32(fill)
    return scatter.gather()
  }
  const first = write(1)
  const bytes = Buffer.concat(first)
  expect(first).toContain(piece)
  expect(bytes.readInt32BE()).toBe(bytes.length - 4)
  write(2)
  expect(Buffer.concat(first).equals(bytes)).toBe(true)
})
