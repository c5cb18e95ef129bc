import { lookup as systemLookup } from 'node:dns'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import type { StoreMeter, StoreRequest } from '../../src/object-store/request-metrics.ts'

/** The part of the SDK's request that the transport uses. */
interface SignedRequest {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** The bytes of a request, which bypass the SDK: it would hash them, collect them, or wrap them in streams. */
export interface Transfer {
  /** Time limit for the request including its response. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Pieces that are sent in order, instead of a body. */
  readonly pieces?: readonly Uint8Array[]
  /** Returns memory for the body of a successful response, by its length; undefined rejects the body. */
  readonly room?: (bytes: number) => Uint8Array | undefined
  /** Set once there was a connection to send on: before that, the store cannot have performed the request. */
  wasSent?: boolean
  /** The bytes that were read. */
  received?: Uint8Array
}

/** Maximum number of connections to one store, below the limits of servers and file descriptors. */
const socketsMax = 64
const connectTimeoutMs = 3000
/** Maximum size of responses that are not objects: lists of a thousand keys are the largest. */
const answerBytesMax = 16 << 20
/** Bytes that are passed to a socket at a time. */
const corkBytes = 1 << 20

/** Thrown to the SDK, which passes it on. `code` is Node's, or one of those below. */
class TransportError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
export const transportCodes = {
  timeout: 'MILLRACE_TIMEOUT',
  connect: 'MILLRACE_CONNECT',
  body: 'MILLRACE_BODY',
  closed: 'MILLRACE_CLOSED',
} as const

/**
 * Sends signed requests of the SDK over HTTP/1.1. It replaces the SDK's own transport, which waits for the server's consent to large
 * bodies, only warns about timeouts, and reads an object through three streams.
 */
export class S3Transport {
  readonly metadata = { handlerProtocol: 'http/1.1' }
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: socketsMax, scheduling: 'lifo' })
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: socketsMax, scheduling: 'lifo' })

  readonly #meter: StoreMeter | undefined

  constructor(meter?: StoreMeter) {
    this.#meter = meter
  }

  /** Called by the SDK. `transfer` is passed through the options of its `send`. */
  async handle(request: SignedRequest, { transfer }: { transfer?: Transfer } = {}): Promise<{ response: unknown }> {
    // A request of the SDK itself, such as for credentials, has no transfer.
    const carried = transfer ?? { timeoutMs: 10_000, signal: new AbortController().signal }
    const { message, body } = await this.request(request, carried)
    const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]))
    return {
      response: {
        statusCode: message.statusCode,
        reason: message.statusMessage,
        headers,
        body: Readable.from([body], { objectMode: false }),
      },
    }
  }

  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): object {
    return {}
  }

  destroy(): void {
    this.#http.destroy()
    this.#https.destroy()
  }

  /** Sends a signed request, and counts it for the bill. */
  async request(request: SignedRequest, transfer: Transfer): Promise<{ message: IncomingMessage; body: Uint8Array }> {
    this.#meter?.add(billedAs(request), 1)
    for (const { length } of transfer.pieces ?? []) this.#meter?.add('sentBytes', length)
    try {
      const answer = await this.#exchange(request, transfer)
      this.#meter?.add('receivedBytes', transfer.received?.length ?? 0)
      // A missing or existing object is an answer, not a failure.
      if (answer.message.statusCode! >= 400 && ![404, 412, 416].includes(answer.message.statusCode!)) this.#meter?.add('failed', 1)
      return answer
    } catch (error) {
      // A cancelled request is not a failure of the store.
      if ((error as TransportError).code !== transportCodes.closed) this.#meter?.add('failed', 1)
      throw error
    }
  }

  #exchange(request: SignedRequest, transfer: Transfer): Promise<{ message: IncomingMessage; body: Uint8Array }> {
    const { protocol, hostname, port, method, path, headers } = request
    const isTls = protocol === 'https:'
    const options = {
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      method,
      path: path + queryText(request.query),
      headers,
      agent: isTls ? this.#https : this.#http,
      ...(port === undefined ? {} : { port }),
      lookup,
    }
    return new Promise((resolve, reject) => {
      const outgoing = (isTls ? httpsRequest : httpRequest)(options)
      const end = (error?: Error): void => {
        clearTimeout(timer)
        clearTimeout(connecting)
        transfer.signal.removeEventListener('abort', close)
        if (error === undefined) return
        outgoing.destroy()
        reject(error)
      }
      const timer = setTimeout(
        () => end(new TransportError(transportCodes.timeout, `no whole answer within ${transfer.timeoutMs} ms`)),
        transfer.timeoutMs,
      )
      let connecting: NodeJS.Timeout | undefined
      const close = (): void => end(new TransportError(transportCodes.closed, 'the store was closed'))
      if (transfer.signal.aborted) return close()
      transfer.signal.addEventListener('abort', close)
      outgoing.on('socket', (socket) => {
        const isConnected = (): void => {
          clearTimeout(connecting)
          transfer.wasSent = true
        }
        if (!socket.connecting) return isConnected()
        connecting = setTimeout(
          () => end(new TransportError(transportCodes.connect, `no connection within ${connectTimeoutMs} ms`)),
          connectTimeoutMs,
        )
        socket.once(isTls ? 'secureConnect' : 'connect', isConnected)
      })
      outgoing.on('error', end)
      outgoing.on('response', (message) => {
        receive(message, transfer).then(
          (body) => {
            end()
            resolve({ message, body })
          },
          (error: Error) => end(error),
        )
      })
      send(outgoing, request, transfer).catch(end)
    })
  }
}

/** Names below `localhost` are this machine's (RFC 6761), but not every system resolves them. */
const lookup: LookupFunction = (hostname, options, done) => {
  if (!hostname.endsWith('.localhost')) systemLookup(hostname, options, done)
  else if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

function billedAs({ method, query = {}, headers }: SignedRequest): StoreRequest {
  switch (method) {
    case 'PUT':
      return 'x-amz-copy-source' in headers ? 'copy' : 'put'
    case 'POST':
      return 'delete' in query ? 'delete' : 'post'
    case 'GET':
      return 'list-type' in query || 'uploads' in query ? 'list' : 'get'
    case 'HEAD':
      return 'head'
    default:
      return 'delete'
  }
}

async function send(outgoing: ClientRequest, { body }: SignedRequest, { pieces }: Transfer): Promise<void> {
  if (pieces === undefined) {
    if (body instanceof Uint8Array || typeof body === 'string') outgoing.end(body)
    else outgoing.end()
    return
  }
  for (let at = 0; at < pieces.length; ) {
    // Small pieces are sent together, in one system call.
    outgoing.cork()
    let isFull = false
    for (let held = 0; at < pieces.length && held < corkBytes; at++) {
      held += pieces[at]!.length
      if (pieces[at]!.length > 0) isFull = !outgoing.write(pieces[at]!)
    }
    outgoing.uncork()
    if (isFull && at < pieces.length) await drained(outgoing)
    if (outgoing.destroyed) return
  }
  outgoing.end()
}

function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      outgoing.off('drain', go).off('close', go)
      resolve()
    }
    outgoing.on('drain', go).on('close', go)
  })
}

/** Reads the body: into the transfer's memory for an object, else into its own. */
async function receive(message: IncomingMessage, transfer: Transfer): Promise<Uint8Array> {
  const isObject = transfer.room !== undefined && (message.statusCode === 200 || message.statusCode === 206)
  if (!isObject) {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of message as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > answerBytesMax) throw new TransportError(transportCodes.body, `an answer of more than ${answerBytesMax} bytes`)
      chunks.push(chunk)
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }
  const expected = Number(message.headers['content-length'] ?? Number.NaN)
  const room = Number.isSafeInteger(expected) ? transfer.room!(expected) : undefined
  if (room === undefined)
    throw new TransportError(transportCodes.body, `a body of ${expected} bytes, which differs from the requested range`)
  await fill(message, room.subarray(0, expected))
  transfer.received = room.subarray(0, expected)
  return new Uint8Array(0)
}

function fill(message: IncomingMessage, room: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    let at = 0
    message.on('data', (chunk: Buffer) => {
      if (at + chunk.length <= room.length) room.set(chunk, at)
      at += chunk.length
    })
    message.on('error', reject)
    message.on('close', () => {
      if (message.complete && at === room.length) resolve()
      else reject(new TransportError(transportCodes.body, `${at} bytes of a body of ${room.length}`))
    })
  })
}

function queryText(query: SignedRequest['query']): string {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) => {
    const values = value === null ? [''] : typeof value === 'string' ? [value] : value
    return values.map((each) => `${encodedPart(name)}=${encodedPart(each)}`)
  })
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

/** Encodes as the signature requires: only the unreserved characters of RFC 3986 stay. */
export const encodedPart = (part: string): string =>
  encodeURIComponent(part).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
