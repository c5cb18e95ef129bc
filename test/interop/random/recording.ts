import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib'
import type { Step } from './random-request.ts'

/** The responses of Apache Kafka after one request of a sequence. */
export interface Recorded {
  /** Number of the request in its sequence. Others were not sent: their member was waiting for a response. */
  readonly index: number
  /** The request in readable form. Another one means that the generator or a table has changed since. */
  readonly request: string
  readonly response: unknown
  /** The topics afterwards, for requests that change them. */
  readonly topics?: unknown
  /** Responses to earlier requests that arrived after this one. */
  readonly arrived?: readonly string[]
}

/** By seed. */
export type Recording = Readonly<Record<string, readonly Recorded[]>>

const file = join('test', 'interop', 'golden', 'random-requests.json.br')

export const readRecording = (): Recording => JSON.parse(brotliDecompressSync(readFileSync(file)).toString())

export function writeRecording(recording: Recording): void {
  writeFileSync(file, brotliCompressSync(JSON.stringify(recording)))
}

export const shownStep = ({ api, version, fields }: Step): string => `${api.name} v${version} ${shownRequest(fields)}`

const shownRequest = (fields: Record<string, unknown>): string =>
  JSON.stringify(fields, (_, value) =>
    typeof value === 'bigint' ? Number(value) : isBuffer(value) ? Buffer.from(value.data).toString('latin1') : value,
  )

const isBuffer = (value: unknown): value is { data: number[] } => (value as { type?: string } | null)?.type === 'Buffer'
