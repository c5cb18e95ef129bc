/**
 * The golden vectors that every clone carries: messages and batches that Apache Kafka 4.3.1's own classes wrote, in one compressed file.
 * `node src/cli/run.mjs test/vectors/archive.ts DIR` makes it anew from a folder of vectors.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import { type BatchVector, type MessageVectors, parseJson } from './kafka-json.ts'

/** Tests run from the sources, programs from their build; both are started at the top of the clone. */
const archive = join('test', 'vectors', 'kafka-4.3.1.json.br')

export interface Vectors {
  readonly messages: { readonly [file: string]: MessageVectors }
  readonly batches: readonly BatchVector[]
}

export function readArchive(): Vectors {
  return parseJson<Vectors>(brotliDecompressSync(readFileSync(archive)).toString())
}

/** Joined as text, so that long numbers stay exact. */
function writeArchive(folder: string): void {
  const names = readdirSync(join(folder, 'messages')).sort()
  const messages = names.map((name) => `${JSON.stringify(name)}:${readFileSync(join(folder, 'messages', name), 'utf8')}`)
  const text = `{"messages":{${messages.join(',')}},"batches":${readFileSync(join(folder, 'record-batches.json'), 'utf8')}}`
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
  }
  writeFileSync(archive, brotliCompressSync(text, { params }))
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) writeArchive(process.argv[2]!)
