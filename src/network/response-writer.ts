import { apiByKey, headerVersions } from '../wire/apis.ts'
import { codec } from '../wire/codec.ts'
import { ResponseHeader } from '../wire/headers.ts'
import type { Fields, Message, Wire } from '../wire/schema.ts'
import { ScatterWriter } from './scatter-writer.ts'

const responseBytesMax = 64 << 20

/** Encodes responses as lists of buffers: records are sent from their location. */
export class ResponseWriter {
  readonly #writer = new ScatterWriter(Buffer.allocUnsafeSlow(4096), responseBytesMax)

  /** The whole response with its size and header. `table` is the table of a response with an API key. */
  write<F extends Fields>(table: Message<F>, version: number, correlationId: number, message: Wire<Message<F>>): Uint8Array[] {
    const writer = this.#writer.reset()
    writer.int32(0)
    codec(ResponseHeader, headerVersions(apiByKey[table.key!]!, version)[2]).write(writer, { correlationId })
    codec(table, version).write(writer, message)
    return writer.gather()
  }
}
