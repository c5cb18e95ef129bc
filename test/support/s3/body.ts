import { createHash, type Hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { crc32 } from 'node:zlib'
import { crc32c } from '../../../src/wire/crc32c.ts'
import { type ChunkCheck, mismatch, type S3Error } from './signature.ts'

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

const signedChunks = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'

/**
 * Receives a body as S3 does: removes the frames of aws-chunked ones, and rejects a wrong length, checksum, or signature of a chunk.
 * Absent: chunks with other kinds of signatures.
 */
export async function receiveBody(request: IncomingMessage, sink: Sink, check: ChunkCheck | undefined): Promise<S3Error | undefined> {
  const { headers } = request
  const declared = String(headers['x-amz-content-sha256'] ?? '')
  const isSigned = declared === signedChunks || declared === `${signedChunks}-TRAILER`
  if (declared.startsWith('STREAMING-AWS4-') && !(isSigned && check !== undefined)) {
    request.resume()
    return [501, 'NotImplemented', `${declared} is not implemented`]
  }
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
    const incoming = new Incoming(request)
    const trailers = await unframe(incoming, take, isSigned ? check : undefined)
    await incoming.drop()
    if (!(trailers instanceof Map)) return trailers
    if (trailer !== '') expected.set(trailer, trailers.get(trailer) ?? '')
    if (length !== Number(headers['x-amz-decoded-content-length']))
      return [400, 'IncompleteBody', 'The length of the body differs from its header']
  } else for await (const bytes of request) await take(bytes)
  if (payload !== undefined && payload.digest('hex') !== declared)
    return [400, 'XAmzContentSHA256Mismatch', 'The payload is not what was signed']
  for (const [name, sum] of running) {
    if (sum.base64() !== expected.get(name)) return [400, 'BadDigest', `The body does not match ${name}`]
  }
  return undefined
}

/** A stream of bytes that is read by lines or by a number of bytes. */
class Incoming {
  readonly #source: AsyncIterator<Buffer>
  #held: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Returns a line without its end; undefined when there is no complete one. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#held.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#held.toString('latin1', 0, end)
        this.#held = this.#held.subarray(end + 2)
        return line
      }
      if (!(await this.#more())) return undefined
    }
  }

  /** Returns false when there are fewer bytes. */
  async pass(bytes: number, sink: Sink): Promise<boolean> {
    for (let left = bytes; left > 0; ) {
      if (this.#held.length === 0 && !(await this.#more())) return false
      const part = this.#held.subarray(0, left)
      this.#held = this.#held.subarray(part.length)
      left -= part.length
      await sink(part)
    }
    return true
  }

  /** Discards the remaining bytes, since the sender waits until they are read. */
  async drop(): Promise<void> {
    while (await this.#more()) this.#held = Buffer.alloc(0)
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next()
    if (!done) this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value])
    return !done
  }
}

const unframed: S3Error = [400, 'IncompleteBody', 'The body is not framed as aws-chunked']
const trailerSignature = 'x-amz-trailer-signature'
/** A client may send any length. */
const chunkBytesMax = 2 ** 31

/** Chunks of the form LENGTH[;chunk-signature=SIGNATURE] CRLF BYTES CRLF, the last of them of no bytes, then trailers. */
async function unframe(incoming: Incoming, sink: Sink, check: ChunkCheck | undefined): Promise<Map<string, string> | S3Error> {
  for (let bytes = -1; bytes !== 0; ) {
    const head = /^([0-9a-f]+)(?:;chunk-signature=([0-9a-f]+))?$/i.exec((await incoming.line()) ?? '')
    bytes = Number.parseInt(head?.[1] ?? '', 16)
    if (head === null || bytes > chunkBytesMax) return unframed
    const hash = createHash('sha256')
    const take: Sink = (part) => {
      hash.update(part)
      return sink(part)
    }
    if (!(await incoming.pass(bytes, take))) return unframed
    if (check?.('PAYLOAD', hash.digest('hex'), head[2]) === false) return mismatch
    if (bytes > 0 && (await incoming.line()) !== '') return unframed
  }
  const trailers = new Map<string, string>()
  for (let line = await incoming.line(); line !== undefined && line !== ''; line = await incoming.line()) {
    const [name, value] = line.split(':', 2) as [string, string?]
    trailers.set(name.toLowerCase(), (value ?? '').trim())
  }
  const signature = trailers.get(trailerSignature)
  trailers.delete(trailerSignature)
  if (trailers.size === 0) return trailers
  const text = [...trailers].map(([name, value]) => `${name}:${value}\n`).join('')
  return check?.('TRAILER', createHash('sha256').update(text).digest('hex'), signature) === false ? mismatch : trailers
}
