import { tooManyFiles } from '../../native-free-io/net/connection-table.ts'
import { filesMax } from '../../native-free-io/process/file-limit.ts'
import type { Log } from '../../native-free-io/process/logger.ts'
import type { Pipeline } from '../../native-free-io/threads/pipeline.ts'
import type { Broker } from '../../src/broker/broker.ts'
import { largeRequestBytes } from '../../src/network/request-limits.ts'
import type { FromNetwork } from '../../src/network/thread-messages.ts'
import type { Loaded } from '../../src/ports/cold-reads.ts'
import type { ObjectStorage } from '../../src/storage/object-storage.ts'
import { errors } from '../../src/wire/errors.ts'
import { connectionsByFiles } from './open-pipeline.ts'

type Handlers = { readonly [M in FromNetwork as M['type']]: (message: M) => void }
export type NetworkRequests = Pick<Handlers, 'forward' | 'load' | 'released' | 'closed' | 'readsCopied'>

/** Serves the messages of the network threads: forwarded requests, and reads that the WAL does not contain. */
export function networkRequests(broker: Broker, storage: ObjectStorage, pipeline: Pipeline, log: Log): NetworkRequests {
  let hasRefused = false
  return {
    forward: ({ token, session, frame }) => {
      void broker.handle(session, frame).then((answer) => {
        if (answer.type === 'close') log.debug({ because: answer.because }, 'closing a connection')
        pipeline.notifyNetwork({ type: 'answered', token, response: answer.type === 'respond' ? answer.bytes : null })
      })
      // A request is parsed before the first wait in `handle`.
      if (frame.length > largeRequestBytes) pipeline.notifyNetwork({ type: 'parsed', bytes: frame.length })
    },
    load: ({ token, index, load: requested }) => {
      const respond = (loaded: Loaded | null, error: number): void =>
        pipeline.notifyNetwork(
          { type: 'loaded', token, index, loaded, error },
          loaded !== null && 'bytes' in loaded ? [loaded.bytes.buffer] : [],
        )
      storage.load(requested).then(
        (loaded) => {
          if (loaded === 'outOfMemory') pipeline.notifyNetwork({ type: 'outOfMemory', token, partitionRead: { index, load: requested } })
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
