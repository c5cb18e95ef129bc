import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib'
import type { KafkaResult } from './comparison.ts'

const file = join('test', 'interop', 'golden', 'damaged-batches.br')

/** `settings` of a topic have big integers. */
const bigInteger = 'big integer '
const written = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${bigInteger}${value}` : value)
const read = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.startsWith(bigInteger) ? BigInt(value.slice(bigInteger.length)) : value

/** A length, the table as JSON with the size of each batch, and the batches. */
export function writeResults(all: readonly KafkaResult[]): void {
  const table = Buffer.from(
    JSON.stringify(
      all.map(({ damaged, ...rest }) => ({ ...rest, damaged: { ...damaged, batch: damaged.batch.length } })),
      written,
    ),
  )
  const length = Buffer.alloc(4)
  length.writeUInt32BE(table.length)
  writeFileSync(file, brotliCompressSync(Buffer.concat([length, table, ...all.map(({ damaged }) => damaged.batch)])))
}

type Row = Omit<KafkaResult, 'damaged'> & { readonly damaged: Omit<KafkaResult['damaged'], 'batch'> & { readonly batch: number } }

export function readResults(): KafkaResult[] {
  const bytes = brotliDecompressSync(readFileSync(file))
  let at = 4 + bytes.readUInt32BE(0)
  const rows = JSON.parse(bytes.subarray(4, at).toString(), read) as Row[]
  return rows.map(({ damaged, ...rest }) => {
    const batch = Buffer.from(bytes.subarray(at, at + damaged.batch))
    at += damaged.batch
    return { ...rest, damaged: { ...damaged, batch } }
  })
}
