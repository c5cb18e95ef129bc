import { ControllerBusy } from '../controller/commands.ts'
import type { ClientSession } from '../network/client-session.ts'
import { ApiVersionsResponse } from '../wire/api/18-api-versions.ts'
import { apiByKey, headerVersions } from '../wire/apis.ts'
import { codec } from '../wire/codec.ts'
import { type RequestHeader, ResponseHeader, readRequestHeader } from '../wire/headers.ts'
import { MalformedMessage } from '../wire/primitives.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { apiVersions, apiVersionsUnsupported } from './api/18-api-versions.ts'
import { AutoCreation } from './auto-creation.ts'
import type { BrokerNode } from './context.ts'
import type { Handler } from './handler.ts'
import { handlerByKey, servedApis } from './handlers.ts'
import { ProducerIds } from './producer-ids.ts'

/** Outcome of a request: a response without its size prefix, or the end of the connection, when the client could not parse any response. */
export type RequestOutcome = { readonly type: 'respond'; readonly bytes: Buffer } | { readonly type: 'close'; readonly because: string }

const responseBytesMax = 100 << 20

/**
 * All APIs except Produce and Fetch.
 *
 * Absent: an order between requests and a limit on requests in progress. Both belong to connections, which have one at a time.
 */
export class Broker {
  readonly #node: BrokerNode
  readonly #autoCreation: AutoCreation
  readonly #producerIds: ProducerIds
  readonly #report: (error: Error) => void

  /** `report` receives errors that no client can have caused. */
  constructor(node: BrokerNode, report: (error: Error) => void) {
    this.#node = node
    this.#report = report
    this.#autoCreation = new AutoCreation(node.controller, node.entropy)
    this.#producerIds = new ProducerIds(node.controller)
  }

  /**
   * `frame` is a request with its header and without its size. The header and the fields are read before this returns. The frame may
   * not change before the response: byte fields of the request refer to it.
   */
  handle(session: ClientSession, frame: Uint8Array): Promise<RequestOutcome> {
    const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
    try {
      const reader = new Reader(buffer)
      const header = readRequestHeader(reader)
      if (header === undefined) return Promise.resolve(close(`unsupported API key ${buffer.readInt16BE(0)}`))
      const { requestApiKey: key, requestApiVersion: version } = header
      const found = handlerByKey.get(key)
      if (found === undefined) return Promise.resolve(close(`${apiByKey[key]!.name} is not supported`))
      const isServed = version >= found.oldest && version <= found.latest
      if (isServed) return this.#respond(session, header, found, codec(found.request, version).read(reader))
      if (found.api === apiVersions.api) return Promise.resolve(unsupportedVersion(header))
      return Promise.resolve(close(`${found.api.name} version ${version} is not supported`))
    } catch (error) {
      return Promise.resolve(this.#closing(error))
    }
  }

  /** Keeps no reference to the frame: a request may wait for minutes, and its frame may be large. */
  async #respond(
    session: ClientSession,
    header: RequestHeader,
    found: Handler,
    request: Parameters<Handler['handle']>[0],
  ): Promise<RequestOutcome> {
    const { requestApiVersion: version, correlationId, clientId } = header
    try {
      const response = await found.handle(request, {
        ...this.#node,
        version,
        session,
        clientId,
        served: servedApis,
        autoCreation: this.#autoCreation,
        producerIds: this.#producerIds,
      })
      const writer = responseWriter()
      codec(ResponseHeader, headerVersions(found.api, version)[2]).write(writer, { correlationId })
      codec(found.response, version).write(writer, response)
      return { type: 'respond', bytes: writer.finished() }
    } catch (error) {
      return this.#closing(error)
    }
  }

  #closing(error: unknown): RequestOutcome {
    if (error instanceof MalformedMessage || error instanceof ControllerBusy) return close(error.message)
    this.#report(error as Error)
    return close('internal error while handling the request')
  }
}

/** Not from the pool: a transfer to another thread transfers the whole ArrayBuffer. */
const responseWriter = (): Writer => new Writer(Buffer.allocUnsafeSlow(1024), responseBytesMax)

function unsupportedVersion({ correlationId }: RequestHeader): RequestOutcome {
  const writer = responseWriter()
  codec(ResponseHeader, 0).write(writer, { correlationId })
  codec(ApiVersionsResponse, 0).write(writer, apiVersionsUnsupported())
  return { type: 'respond', bytes: writer.finished() }
}

const close = (because: string): RequestOutcome => ({ type: 'close', because })
