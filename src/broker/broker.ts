import { ControllerBusy, type TopicsChanged } from '../controller/controller.ts'
import { ApiVersionsResponse } from '../wire/api/18-api-versions.ts'
import { apiByKey, headerVersions } from '../wire/apis.ts'
import { codec } from '../wire/codec.ts'
import { MalformedMessage, Reader, Writer } from '../wire/cursor.ts'
import { type RequestHeader, ResponseHeader, readRequestHeader } from '../wire/headers.ts'
import { apiVersions, apiVersionsUnsupported } from './18-api-versions.ts'
import { AutoCreation } from './auto-creation.ts'
import type { BrokerNode } from './context.ts'
import { handlerByKey, servedApis } from './handlers.ts'
import { ProducerIds } from './producer-ids.ts'

/** What becomes of a request: a response without its size prefix, or the end of the connection, as no response could be understood. */
export type Answer = { readonly type: 'respond'; readonly bytes: Buffer } | { readonly type: 'close'; readonly because: string }

const responseBytesMax = 100 << 20

/**
 * Everything that clients ask besides Produce and Fetch.
 *
 * Absent: an order between requests and a bound on how many are under way. Both belong to connections, which have one at a time.
 */
export class Broker {
  readonly #node: BrokerNode
  readonly #autoCreation: AutoCreation
  readonly #producerIds: ProducerIds
  readonly #report: (error: Error) => void

  /** `report` hears of errors that no client can have caused. */
  constructor(node: BrokerNode, report: (error: Error) => void) {
    this.#node = node
    this.#report = report
    this.#autoCreation = new AutoCreation(node.controller, node.entropy)
    this.#producerIds = new ProducerIds(node.controller)
  }

  /** Topics as they come and go, in the order of the metadata log: for the tables of the network workers. */
  onTopicsChanged(listener: (change: TopicsChanged) => void): void {
    this.#node.controller.onTopicsChanged(listener)
  }

  /** `frame` is a request with its header and without its size. It may not change while the answer is awaited. */
  async handle(listener: string, host: string, frame: Uint8Array): Promise<Answer> {
    const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
    try {
      const reader = new Reader(buffer)
      const header = readRequestHeader(reader)
      if (header === undefined) return close(`there is no API ${buffer.readInt16BE(0)}`)
      return await this.#answer(listener, host, header, reader)
    } catch (error) {
      if (error instanceof MalformedMessage || error instanceof ControllerBusy) return close(error.message)
      this.#report(error as Error)
      return close('the request could not be dealt with')
    }
  }

  async #answer(listener: string, host: string, header: RequestHeader, reader: Reader): Promise<Answer> {
    const { requestApiKey: key, requestApiVersion: version, correlationId, clientId } = header
    const handler = handlerByKey.get(key)
    if (handler === undefined) return close(`${apiByKey[key]!.name} is not served`)
    // Not from the pool: what goes to another thread takes its whole ArrayBuffer along.
    const writer = new Writer(Buffer.allocUnsafeSlow(1024), responseBytesMax)
    if (version < handler.oldest || version > handler.latest) {
      if (handler.api !== apiVersions.api) return close(`${handler.api.name} has no version ${version} here`)
      codec(ResponseHeader, 0).write(writer, { correlationId })
      codec(ApiVersionsResponse, 0).write(writer, apiVersionsUnsupported())
    } else {
      const request = codec(handler.request, version).read(reader)
      const response = await handler.handle(request, {
        ...this.#node,
        version,
        listener,
        host,
        clientId,
        served: servedApis,
        autoCreation: this.#autoCreation,
        producerIds: this.#producerIds,
      })
      codec(ResponseHeader, headerVersions(handler.api, version)[2]).write(writer, { correlationId })
      codec(handler.response, version).write(writer, response)
    }
    return { type: 'respond', bytes: writer.finished() }
  }
}

const close = (because: string): Answer => ({ type: 'close', because })
