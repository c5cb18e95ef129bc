import { tooManyFiles } from '../../native-free-io/net/connection-table.ts'
import { filesMax } from '../../native-free-io/process/file-limit.ts'
import type { Log } from '../../native-free-io/process/logger.ts'
import type { NetworkMessage, Pipeline } from '../../native-free-io/threads/pipeline.ts'
import type { Broker } from '../../src/broker/broker.ts'
import { largeRequestBytes } from '../../src/network/request-limits.ts'
import type { Loaded } from '../../src/ports/cold-reads.ts'
import type { ObjectStorage } from '../../src/storage/object-storage.ts'
import { errors } from '../../src/wire/errors.ts'
import { connectionsByFiles } from './open-pipeline.ts'

/** Handlers by type, with the network thread that sent the message. */
export type NetworkRequests = { readonly [M in NetworkMessage as M['type']]: (message: M, thread: number) => void }

/** Serves the messages of the network threads: forwarded requests, and reads that the WAL does not contain. */
export function networkRequests(broker: Broker, storage: ObjectStorage, pipeline: Pipeline, log: Log): NetworkRequests {
  let hasRefused = false
  return {
    forward: ({ token, session, frame }, thread) => {
      void broker.handle(session, frame).then((answer) => {
        if (answer.type === 'close') log.debug({ because: answer.because }, 'closing a connection')
        pipeline.notifyNetwork(thread, { type: 'answered', token, response: answer.type === 'respond' ? answer.bytes : null })
      })
      // A request is parsed before the first wait in `handle`.
      if (frame.length > largeRequestBytes) pipeline.notifyNetwork(thread, { type: 'parsed', bytes: frame.length })
    },
    load: ({ token, index, load: requested }, thread) => {
      const respond = (loaded: Loaded | null, error: number): void =>
        pipeline.notifyNetwork(
          thread,
          { type: 'loaded', token, index, loaded, error },
          loaded !== null && 'bytes' in loaded ? [loaded.bytes.buffer] : [],
        )
      storage.load(requested).then(
        (loaded) => {
          if (loaded === 'outOfMemory')
            pipeline.notifyNetwork(thread, { type: 'outOfMemory', token, partitionRead: { index, load: requested } })
          // A record that was overwritten during the read is in an object by now: the client fetches again.
          else respond(loaded ?? { pin: -1, ranges: [] }, 0)
        },
        (error: Error) => {
          log.error({ err: error }, 'records of an object cannot be read')
          respond(null, errors.KAFKA_STORAGE_ERROR.code)
        },
      )
    },
    released: ({ pin }) => storage.release(pin),
    readsCopied: ({ because }) => log.warn({ because }, 'received bytes are copied: this version of Node fails the check of direct reads'),
    closed: ({ host, why }) => {
      const isFirst = why === tooManyFiles && !hasRefused
      hasRefused ||= isFirst
      if (isFirst) log.warn({ host, connections: connectionsByFiles(), filesMax: filesMax() }, `refused a connection: ${why}`)
      else log.debug({ host, why }, 'closed a connection')
    },
  }
}
