import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../root.ts'
import { Bucket, blobFolder } from './blobs.ts'
import { type Fault, Faults, type S3Operation } from './faults.ts'
import { type Answer, bytesIn, type Holder, operations, rejected } from './operations.ts'
import { parseRequest, type S3Request } from './requests.ts'
import { type Account, checkSignature, chunkCheck } from './signature.ts'

export interface S3ServerOptions {
  readonly port?: number
  /** Folder for bodies; in memory if absent. */
  readonly folder?: string
  readonly seed?: number
  readonly buckets?: readonly string[]
  /** Minimum size of a part except the last; 5 MiB in AWS. */
  readonly partBytesMin?: number
  /** Maximum number of keys in a page of a list; 1000 in AWS. */
  readonly pageKeysMax?: number
  /** With the certificate in `certificatePath`, which clients trust only if configured. */
  readonly isTls?: boolean
}

/** A key and a self-signed certificate for `localhost`, `s3.localhost` and the names below that. */
export const certificatePath = join(root, 'test', 'support', 's3', 'localhost.pem')
/** Bucket names may precede it: `http://bucket.s3.localhost`. */
export const domain = 's3.localhost'

/**
 * An S3 server for tests, in the same process or beside a broker. It checks signatures, conditional puts have one winner, and faults can be
 * set for every operation. Absent: ACLs, versions.
 */
export class S3Server implements Holder {
  readonly buckets: Map<string, Bucket>
  readonly folder: string | undefined
  readonly partBytesMin: number
  readonly pageKeysMax: number
  readonly faults: Faults
  readonly accounts = new Map<string, Account>([['tester', { secretKey: 'testing/+=secret' }]])
  /** Number of requests so far, regardless of their results. */
  readonly requests = new Map<S3Operation, number>()
  /** Milliseconds by which the server's clock is ahead. */
  skewMs = 0
  /** Requests in progress, and their maximum. */
  inFlight = 0
  inFlightMax = 0
  readonly #isTls: boolean
  #server: Server | undefined
  #port: number

  constructor({
    port = 0,
    folder,
    seed = 1,
    buckets = ['bucket'],
    partBytesMin = 5 << 20,
    pageKeysMax = 1000,
    isTls = false,
  }: S3ServerOptions = {}) {
    this.buckets = new Map(buckets.map((name) => [name, new Bucket()]))
    this.folder = blobFolder(folder)
    this.faults = new Faults(seed)
    this.partBytesMin = partBytesMin
    this.pageKeysMax = pageKeysMax
    this.#port = port
    this.#isTls = isTls
  }

  get port(): number {
    return this.#port
  }

  get endpoint(): string {
    return this.endpointAt('127.0.0.1')
  }

  /** The endpoint with another of its names. */
  endpointAt(host: string): string {
    return `${this.#isTls ? 'https' : 'http'}://${host}:${this.#port}`
  }

  now(): number {
    return Date.now() + this.skewMs
  }

  count(...requested: readonly S3Operation[]): number {
    return requested.reduce((sum, operation) => sum + (this.requests.get(operation) ?? 0), 0)
  }

  /** Also ends an outage: the port stays the same. */
  async start(): Promise<void> {
    const serve = (message: IncomingMessage, response: ServerResponse): void => {
      this.#serve(message, response).catch(() => message.destroy())
    }
    const pem = this.#isTls ? readFileSync(certificatePath) : ''
    this.#server = this.#isTls ? createTlsServer({ key: pem, cert: pem }, serve) : createServer(serve)
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Breaks every connection and rejects new ones; stored objects are kept. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    this.inFlightMax = Math.max(this.inFlightMax, ++this.inFlight)
    try {
      const request = parseRequest(message, domain)
      if (request === undefined) return await this.#send(message, response, rejected([501, 'NotImplemented', message.url!]), undefined)
      this.requests.set(request.operation, this.count(request.operation) + 1)
      const fault = this.faults.next(request.operation, request.key)
      const delay = this.faults.delayMs() + (fault?.type === 'slow' ? fault.ms : 0)
      if (delay > 0) await sleep(delay)
      if (fault?.type === 'hang') return await hang(message)
      if (fault?.type === 'reset' && fault.when !== 'after') return await breakUpload(message, fault.when === 'body')
      if (fault?.type === 'error' && fault.when === 'before') {
        message.resume()
        return await this.#send(message, response, rejected([fault.status, fault.code, 'by the test']), undefined)
      }
      await this.#send(message, response, await this.#answer(request), fault)
    } finally {
      this.inFlight--
    }
  }

  async #answer(request: S3Request): Promise<Answer> {
    const rejection = checkSignature(request.message, this.accounts, this.now())
    if (rejection !== undefined) {
      request.message.resume()
      return rejected(rejection)
    }
    const bucket = this.buckets.get(request.bucket)
    if (request.operation === 'bucket') return this.#bucket(request)
    if (bucket === undefined) {
      request.message.resume()
      return rejected([404, 'NoSuchBucket', 'The specified bucket does not exist'])
    }
    return operations[request.operation]({ ...request, chunks: chunkCheck(request.message, this.accounts) }, bucket, this)
  }

  #bucket({ bucket, message }: S3Request): Answer {
    message.resume()
    if (message.method === 'PUT' && !this.buckets.has(bucket)) this.buckets.set(bucket, new Bucket())
    return { status: this.buckets.has(bucket) ? 200 : 404 }
  }

  async #send(message: IncomingMessage, response: ServerResponse, answer: Answer, fault: Fault | undefined): Promise<void> {
    if (fault?.type === 'reset') return void message.socket.destroy()
    const shown = withFault(answer, fault)
    // The date is the server's wrong clock, as with a real server, so that a client can correct its own.
    response.writeHead(shown.status, {
      'content-type': 'application/xml',
      date: new Date(this.now()).toUTCString(),
      'x-amz-request-id': 'TEST',
      ...(shown.bytes === undefined ? {} : { 'content-length': String(shown.bytes.end - shown.bytes.start) }),
      ...shown.headers,
    })
    if (shown.bytes === undefined) return void response.end(shown.text ?? '')
    const { start, end } = shown.bytes
    const lost = fault?.type === 'truncate' ? Math.ceil((end - start) / 2) : 0
    const hurt = fault?.type === 'corrupt' ? Math.floor((end - start) / 2) : -1
    let at = 0
    for await (const bytes of bytesIn({ ...shown.bytes, end: end - lost })) {
      if (!(await write(response, hurt >= at && hurt < at + bytes.length ? flipped(bytes, hurt - at) : bytes, fault))) return
      at += bytes.length
    }
    if (lost > 0) message.socket.destroy()
    else response.end()
  }
}

function withFault(answer: Answer, fault: Fault | undefined): Answer {
  if (fault?.type === 'error') return rejected([fault.status, fault.code, 'by the test'])
  if (fault?.type === 'errorIn200' && answer.status === 200) return { ...rejected([200, fault.code, 'by the test']), status: 200 }
  if (fault?.type === 'short' && answer.bytes !== undefined) {
    const { segments, start, end } = answer.bytes
    return { ...answer, bytes: { segments, start, end: start + Math.floor((end - start) / 2) } }
  }
  return answer
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 1
  return copy
}

/** Returns false when the client has closed the connection. */
async function write(response: ServerResponse, bytes: Buffer, fault: Fault | undefined): Promise<boolean> {
  if (fault?.type !== 'trickle') {
    if (!response.write(bytes)) await drained(response)
    return !response.destroyed
  }
  const step = Math.max(1, Math.floor(fault.bytesPerSecond / 20))
  for (let at = 0; at < bytes.length; at += step) {
    if (response.destroyed) return false
    response.write(bytes.subarray(at, at + step))
    await sleep(50)
  }
  return true
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

async function hang(message: IncomingMessage): Promise<void> {
  message.resume()
  if (!message.socket.destroyed) await once(message.socket, 'close')
}

/** At once, or after a part of the body has arrived. */
async function breakUpload(message: IncomingMessage, readsFirst: boolean): Promise<void> {
  if (readsFirst && !message.readableEnded) await Promise.race([once(message, 'data'), once(message, 'end')])
  message.socket.destroy()
}
