import { createHash, type Hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { crc32 } from 'node:zlib'
import { crc32c } from '../../src/wire/crc32c.ts'
import type { Refusal } from './signature.ts'

export type Sink = (bytes: Buffer) => Promise<void> | void

interface Sum {
  update(bytes: Buffer): void
  base64(): string
}

/** Every checksum that a client may send with its body, by the name of its header. */
const sums: Readonly<Record<string, () => Sum>> = {
  'x-amz-checksum-crc32': () => crcSum((bytes, last) => crc32(bytes, last)),
  'x-amz-checksum-crc32c': () => crcSum((bytes, last) => crc32c(bytes, 0, bytes.length, last)),
  'x-amz-checksum-sha1': () => hashSum(createHash('sha1')),
  'x-amz-checksum-sha256': () => hashSum(createHash('sha256')),
  'content-md5': () => hashSum(createHash('md5')),
}

function crcSum(step: (bytes: Buffer, last: number) => number): Sum {
  let value = 0
  return {
    update: (bytes) => void (value = step(bytes, value)),
    base64() {
      const word = Buffer.alloc(4)
      word.writeUInt32BE(value >>> 0)
      return word.toString('base64')
    },
  }
}
const hashSum = (hash: Hash): Sum => ({ update: (bytes) => void hash.update(bytes), base64: () => hash.digest('base64') })

/**
 * Takes a body as S3 does: aws-chunked ones without their frames, and none whose length or checksum is wrong.
 * Absent: signatures of single chunks, which the SDK for JavaScript does not send.
 */
export async function receiveBody(request: IncomingMessage, sink: Sink): Promise<Refusal | undefined> {
  const { headers } = request
  const declared = String(headers['x-amz-content-sha256'] ?? '')
  if (declared.startsWith('STREAMING-AWS4-')) return [501, 'NotImplemented', 'Signed chunks are not implemented']
  const trailer = String(headers['x-amz-trailer'] ?? '').toLowerCase()
  const expected = new Map(
    Object.keys(sums).flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])] as const])),
  )
  const running = new Map(
    [...expected.keys(), trailer].flatMap((name) => (sums[name] === undefined ? [] : [[name, sums[name]()] as const])),
  )
  const payload = /^[0-9a-f]{64}$/.test(declared) ? createHash('sha256') : undefined
  let length = 0
  const take = (bytes: Buffer): Promise<void> | void => {
    length += bytes.length
    payload?.update(bytes)
    for (const sum of running.values()) sum.update(bytes)
    return sink(bytes)
  }
  if (declared.startsWith('STREAMING-')) {
    const trailers = await unframe(request, take)
    if (trailers === undefined) return [400, 'IncompleteBody', 'The body is not framed as aws-chunked']
    if (trailer !== '') expected.set(trailer, trailers.get(trailer) ?? '')
    if (length !== Number(headers['x-amz-decoded-content-length']))
      return [400, 'IncompleteBody', 'The body has another length than it says']
  } else for await (const bytes of request) await take(bytes)
  if (payload !== undefined && payload.digest('hex') !== declared)
    return [400, 'XAmzContentSHA256Mismatch', 'The payload is not what was signed']
  for (const [name, sum] of running) {
    if (sum.base64() !== expected.get(name)) return [400, 'BadDigest', `The body is not what ${name} says`]
  }
  return undefined
}

/** Chunks of the form LENGTH CRLF BYTES CRLF, then a chunk of none, then trailers. */
async function unframe(source: AsyncIterable<Buffer>, sink: Sink): Promise<Map<string, string> | undefined> {
  let held: Buffer = Buffer.alloc(0)
  let left = -1
  const lines: string[] = []
  for await (const bytes of source) {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    for (;;) {
      if (left > 0) {
        const part = held.subarray(0, left)
        if (part.length === 0) break
        left -= part.length
        held = held.subarray(part.length)
        await sink(part)
        continue
      }
      const end = held.indexOf('\r\n')
      if (end < 0) break
      const line = held.toString('latin1', 0, end)
      held = held.subarray(end + 2)
      if (lines.length > 0) lines.push(line)
      // Behind the bytes of a chunk stands an end of line.
      else if (line !== '') left = Number.parseInt(line, 16)
      if (left === 0 && lines.length === 0) lines.push('0')
    }
  }
  if (lines.length === 0) return undefined
  return new Map(
    lines
      .slice(1)
      .flatMap((line) => (line.includes(':') ? [[line.split(':')[0]!.toLowerCase(), line.split(':')[1]!.trim()] as const] : [])),
  )
}
