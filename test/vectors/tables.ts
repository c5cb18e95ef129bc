import { apis } from '../../src/wire/apis.ts'
import { RequestHeader, ResponseHeader } from '../../src/wire/headers.ts'
import * as consumerProtocol from '../../src/wire/internal/consumer-protocol.ts'
import * as controlRecords from '../../src/wire/internal/control-records.ts'
import * as groupClassic from '../../src/wire/internal/group-classic.ts'
import * as groupConsumer from '../../src/wire/internal/group-consumer.ts'
import * as groupShare from '../../src/wire/internal/group-share.ts'
import * as groupStreams from '../../src/wire/internal/group-streams.ts'
import * as metadataNodes from '../../src/wire/internal/metadata-nodes.ts'
import * as metadataSecurity from '../../src/wire/internal/metadata-security.ts'
import * as metadataTopics from '../../src/wire/internal/metadata-topics.ts'
import * as principal from '../../src/wire/internal/principal.ts'
import * as quorumState from '../../src/wire/internal/quorum-state.ts'
import * as shareGroupState from '../../src/wire/internal/share-group-state.ts'
import * as transactionState from '../../src/wire/internal/transaction-state.ts'
import { type Message, rangeOf } from '../../src/wire/schema.ts'

const internal = [
  consumerProtocol,
  controlRecords,
  groupClassic,
  groupConsumer,
  groupShare,
  groupStreams,
  metadataNodes,
  metadataSecurity,
  metadataTopics,
  principal,
  quorumState,
  shareGroupState,
  transactionState,
]

const isTable = (value: unknown): value is Message => typeof value === 'object' && value !== null && 'fields' in value

/** Every table there is, by the name of its message. */
export const tables: ReadonlyMap<string, Message> = new Map(
  [
    RequestHeader,
    ResponseHeader,
    ...apis.flatMap((api) => [api.request, api.response]),
    ...internal.flatMap((module) => Object.values<unknown>({ ...module }).filter(isTable)),
  ].map((table) => [table.name, table]),
)

/** Every table in every version. */
export function* everyVersion(): Generator<readonly [table: Message, version: number]> {
  for (const table of tables.values()) {
    const [low, high] = rangeOf(table.versions)
    for (let version = low; version <= high; version++) yield [table, version]
  }
}
