import { lanesMax } from '../ports/lanes.ts'
import type { StoreLocation } from '../ports/object-store.ts'
import { boolean, bytes, InvalidValue, integer, type Kind, oneOf, optional } from './kind.ts'
import { countsOfAddresses, type Endpoint, endpoints, httpListener, type Protocol, protocolMap } from './listeners.ts'
import { storeUri } from './store-uri.ts'
import { type WalUri, walUri } from './wal-uri.ts'

/** A setting with an effect. Fields that a row leaves out come from Kafka's row of the same name. */
export interface Setting<T> {
  readonly kind?: Kind<T>
  /** The default text; null where there is none. */
  readonly default?: string | null
  /** An older name, used where this one is not given. */
  readonly synonym?: string
  /** Values that are valid in Kafka but not supported. */
  readonly cannot?: (value: T) => string | undefined
  readonly about: string
}
const own = <T>(row: Setting<T> & { readonly kind: Kind<T>; readonly default: string | null }): Setting<T> => row
/** `T` is the type of Kafka's row. */
const kafka = <T>(row: Setting<T>): Setting<T> => row

const clusterId: Kind<string> = {
  accepts: 'uuid of 22 base64url characters',
  read: (text) => (/^[A-Za-z0-9_-]{21}[AQgw]$/.test(text) ? text : new InvalidValue('must be a uuid of 22 base64url characters')),
}
/** Limit of the network threads of a node. */
const networkThreadsMax = 16
const MiB = 2 ** 20
const GiB = 2 ** 30

/**
 * Every setting of a node: one row each. Types, parsing, validation and the manual derive from these rows.
 * Names are Kafka's where Kafka has one, else AutoMQ's where it has one.
 */
export const settingRows = {
  'node.id': kafka<number>({ default: '1', synonym: 'broker.id', about: 'Id of this node, as clients see it.' }),
  'cluster.id': own<string | null>({
    kind: clusterId,
    default: null,
    about:
      'Id of the cluster, 22 characters of base64url. The first start records it, and draws a random one if none is set. Later starts must use the same id.',
  }),
  'process.roles': kafka<readonly string[]>({
    default: 'broker,controller',
    cannot: (roles) => (roles.length === 2 ? undefined : 'must be broker,controller: nodes with one role are not supported'),
    about: 'Roles of this process. Only broker,controller is supported.',
  }),
  listeners: kafka<readonly Endpoint[]>({
    kind: endpoints,
    default: 'PLAINTEXT://127.0.0.1:9092',
    about:
      'Addresses on which the broker accepts connections, as NAME://HOST:PORT. An empty host means every interface; port 0 means any free port.',
  }),
  'advertised.listeners': kafka<readonly Endpoint[] | null>({
    kind: endpoints,
    about: 'Addresses that the broker returns to clients. Defaults to listeners.',
  }),
  'listener.security.protocol.map': kafka<ReadonlyMap<string, Protocol>>({
    kind: protocolMap,
    about: 'Security protocol of each listener name. Only PLAINTEXT is supported.',
  }),
  'controller.listener.names': kafka<readonly string[] | null>({
    about: 'Names of the controller listeners. The controller is embedded, so these listeners are not opened.',
  }),
  'inter.broker.listener.name': kafka<string | null>({
    about: 'Name of the listener for connections between brokers. It must be one of listeners.',
  }),
  'security.inter.broker.protocol': kafka<string>({
    cannot: (protocol) => (protocol === 'PLAINTEXT' ? undefined : `must be PLAINTEXT: ${protocol} is not supported`),
    about: 'Security protocol for connections between brokers. Only PLAINTEXT is supported.',
  }),
  'authorizer.class.name': kafka<string>({
    cannot: (name) => (name === '' ? undefined : 'must be empty: authorization is not supported'),
    about: 'Authorizer class. Must be empty: authorization is not supported.',
  }),
  'broker.rack': kafka<string | null>({ about: 'Rack of this node, as returned in metadata.' }),
  'log.dirs': kafka<readonly string[]>({
    default: './.millrace',
    synonym: 'log.dir',
    cannot: (folders) => (folders.length === 1 ? undefined : 'must be one directory'),
    about: 'Data directory of this node. Exactly one directory is supported.',
  }),
  'num.partitions': kafka<number>({ about: 'Number of partitions of a topic that is created without a partition count.' }),
  'default.replication.factor': kafka<number>({
    about: 'Replication factor recorded for a topic that is created without one. One copy is kept.',
  }),
  'auto.create.topics.enable': kafka<boolean>({ about: 'Whether a metadata request for a topic that does not exist may create it.' }),
  'delete.topic.enable': kafka<boolean>({ about: 'Whether topics can be deleted.' }),
  'message.max.bytes': kafka<number>({ about: 'Largest record batch, in bytes. Default for the topic config max.message.bytes.' }),
  'compression.type': kafka<string>({
    about: 'Codec in which batches are stored; producer keeps the codec of the producer. Default for the topic config of the same name.',
  }),
  'compression.gzip.level': kafka<number>({ about: 'Compression level for gzip. Default for the topic config of the same name.' }),
  'compression.lz4.level': kafka<number>({ about: 'Compression level for lz4. Default for the topic config of the same name.' }),
  'compression.zstd.level': kafka<number>({ about: 'Compression level for zstd. Default for the topic config of the same name.' }),
  'log.message.timestamp.type': kafka<'CreateTime' | 'LogAppendTime'>({
    about: 'Source of record timestamps: the producer (CreateTime) or the broker (LogAppendTime).',
  }),
  'log.message.timestamp.before.max.ms': kafka<bigint>({
    about: 'Largest age of a record timestamp against the broker clock, in milliseconds.',
  }),
  'log.message.timestamp.after.max.ms': kafka<bigint>({
    about: 'Largest lead of a record timestamp over the broker clock, in milliseconds.',
  }),
  'log.cleanup.policy': kafka<readonly string[]>({
    about: 'Whether old records are removed by age and size (delete), by key (compact), or both.',
  }),
  'log.retention.ms': kafka<bigint | null>({ about: 'Age at which records are deleted, in milliseconds; -1 for no limit.' }),
  'log.retention.minutes': kafka<number | null>({
    about: 'Age at which records are deleted, in minutes. Used if log.retention.ms is not set.',
  }),
  'log.retention.hours': kafka<number>({
    about: 'Age at which records are deleted, in hours. Used if neither log.retention.ms nor log.retention.minutes is set.',
  }),
  'log.retention.bytes': kafka<bigint>({
    about: 'Size of a partition above which its oldest records are deleted, in bytes; -1 for no limit.',
  }),
  'log.retention.check.interval.ms': kafka<bigint>({ about: 'Interval between checks for records to delete, in milliseconds.' }),
  'log.segment.bytes': kafka<number>({
    about: 'For compacted partitions: bytes that may wait in the write-ahead log before they are stored and can be compacted.',
  }),
  'log.roll.ms': kafka<bigint | null>({
    about:
      'For compacted partitions: milliseconds that records may wait in the write-ahead log before they are stored and can be compacted.',
  }),
  'log.roll.hours': kafka<number>({ about: 'The same in hours. Used if log.roll.ms is not set.' }),
  'log.cleaner.enable': kafka<boolean>({ about: 'Whether partitions are compacted by key.' }),
  'log.cleaner.backoff.ms': kafka<bigint>({ about: 'Interval between searches for partitions to compact, in milliseconds.' }),
  'log.cleaner.dedupe.buffer.size': kafka<bigint>({
    about: 'Memory for the key map of one compaction, in bytes. A value below 1 MiB counts as 1 MiB.',
  }),
  'log.cleaner.delete.retention.ms': kafka<bigint>({ about: 'Time for which a compacted partition keeps tombstones, in milliseconds.' }),
  'log.cleaner.min.compaction.lag.ms': kafka<bigint>({ about: 'Minimum age of a record before it can be compacted, in milliseconds.' }),
  'log.cleaner.max.compaction.lag.ms': kafka<bigint>({
    about: 'Age at which a record becomes due for compaction regardless of the dirty ratio, in milliseconds.',
  }),
  'log.cleaner.min.cleanable.ratio': kafka<number>({
    about: 'Ratio of dirty bytes to all bytes of a partition above which it is compacted.',
  }),
  'socket.request.max.bytes': kafka<number>({ about: 'Largest request, in bytes. The broker closes the connection of a larger one.' }),
  'connections.max.idle.ms': kafka<bigint>({ about: 'Idle time after which a connection is closed, in milliseconds.' }),
  'max.connections': kafka<number>({ about: 'Maximum number of connections. The open-file limit of the process also applies.' }),
  'max.connections.per.ip': kafka<number>({ about: 'Maximum number of connections from one address.' }),
  'max.connections.per.ip.overrides': kafka<ReadonlyMap<string, number>>({
    kind: countsOfAddresses,
    about: 'Maximum number of connections for single addresses, as ADDRESS:COUNT. Host names are not supported.',
  }),
  'fetch.max.bytes': kafka<number>({
    about: 'Maximum bytes of records in a fetch response. A first batch that is larger is returned whole.',
  }),
  'max.incremental.fetch.session.cache.slots': kafka<number>({ about: 'Maximum number of incremental fetch sessions.' }),
  'producer.id.expiration.ms': kafka<number>({
    about: 'Time after which the state of an inactive producer id is removed, in milliseconds.',
  }),
  'group.min.session.timeout.ms': kafka<number>({ about: 'Minimum session timeout of a classic group member, in milliseconds.' }),
  'group.max.session.timeout.ms': kafka<number>({ about: 'Maximum session timeout of a classic group member, in milliseconds.' }),
  'group.max.size': kafka<number>({ about: 'Maximum number of members of a classic group.' }),
  'group.initial.rebalance.delay.ms': kafka<number>({
    about: 'Delay of the first rebalance of a new classic group, in milliseconds, so that more members can join.',
  }),
  'group.coordinator.rebalance.protocols': kafka<readonly string[]>({
    about: 'Enabled group protocols: classic and consumer. The value streams is accepted without effect.',
  }),
  'group.consumer.session.timeout.ms': kafka<number>({ about: 'Session timeout of consumer group members, in milliseconds.' }),
  'group.consumer.min.session.timeout.ms': kafka<number>({ about: 'Minimum of the group config consumer.session.timeout.ms.' }),
  'group.consumer.max.session.timeout.ms': kafka<number>({ about: 'Maximum of the group config consumer.session.timeout.ms.' }),
  'group.consumer.heartbeat.interval.ms': kafka<number>({ about: 'Heartbeat interval of consumer group members, in milliseconds.' }),
  'group.consumer.min.heartbeat.interval.ms': kafka<number>({ about: 'Minimum of the group config consumer.heartbeat.interval.ms.' }),
  'group.consumer.max.heartbeat.interval.ms': kafka<number>({ about: 'Maximum of the group config consumer.heartbeat.interval.ms.' }),
  'group.consumer.assignment.interval.ms': kafka<number>({
    about: 'Minimum time between two assignments of a consumer group, in milliseconds.',
  }),
  'group.consumer.min.assignment.interval.ms': kafka<number>({ about: 'Minimum of the group config consumer.assignment.interval.ms.' }),
  'group.consumer.max.assignment.interval.ms': kafka<number>({ about: 'Maximum of the group config consumer.assignment.interval.ms.' }),
  'group.consumer.max.size': kafka<number>({ about: 'Maximum number of members of a consumer group.' }),
  'group.consumer.assignors': kafka<readonly string[]>({
    cannot: (names) =>
      names.length > 0 && names.every((name) => name === 'uniform' || name === 'range') ? undefined : 'must be a list of uniform and range',
    about: 'Server-side assignors of consumer groups. The first is the default; only uniform and range are supported.',
  }),
  'group.consumer.migration.policy': kafka<'DISABLED' | 'DOWNGRADE' | 'UPGRADE' | 'BIDIRECTIONAL'>({
    about: 'Which online migrations between classic and consumer groups are allowed.',
  }),
  'group.consumer.regex.refresh.interval.ms': kafka<number>({
    about:
      'Interval after which the topics of a regular-expression subscription are resolved again even if the set of topics has not changed, in milliseconds.',
  }),
  'offset.metadata.max.bytes': kafka<number>({ about: 'Maximum length of the metadata of a committed offset, in characters.' }),
  'offsets.commit.timeout.ms': kafka<number>({
    about: 'Time that a group write waits to become durable before it fails with a retriable error, in milliseconds.',
  }),
  'offsets.load.buffer.size': kafka<number>({ about: 'Bytes read at a time when a partition of the offsets topic is loaded.' }),
  'offsets.retention.minutes': kafka<number>({
    about: 'Time for which committed offsets are kept after the group no longer uses them, in minutes.',
  }),
  'offsets.retention.check.interval.ms': kafka<bigint>({ about: 'Interval between checks for expired offsets, in milliseconds.' }),
  'offsets.topic.num.partitions': kafka<number>({ about: 'Number of partitions of the offsets topic. Used when the topic is created.' }),
  'offsets.topic.replication.factor': kafka<number>({ about: 'Replication factor recorded for the offsets topic. One copy is kept.' }),
  's3.wal.path': own<WalUri>({
    kind: walUri,
    default: 'file://?capacity=2GiB',
    about:
      'Location of the write-ahead log: a file, a block device such as file:///dev/nvme1n1, or a bucket. Without a path: wal/lane-0.wal in log.dirs. A capacity that is not set is reduced if the disk has no room for it. A block device without a capacity is used whole.',
  }),
  's3.wal.format': own<boolean>({
    kind: boolean,
    default: 'false',
    about:
      'For one start: destroys what s3.wal.path contains, such as a file system or the log of another node, and creates a new log. Never destroys the log of this node.',
  }),
  's3.wal.loss.accept': own<boolean>({
    kind: boolean,
    default: 'false',
    about:
      'For one start: starts although acknowledged records are lost: those of the write-ahead log, or those that an old copy of log.dirs lacks. The number of lost bytes is logged; their offsets are never assigned again.',
  }),
  's3.wal.cache.size': own<number>({
    kind: bytes(8 * MiB, 2 * GiB),
    default: '128MiB',
    about:
      'Log cache of each lane: memory for the newest records. Tail reads are served from it. Must divide the capacity of the write-ahead log.',
  }),
  's3.data.buckets': own<StoreLocation | null>({
    kind: optional('', null, storeUri),
    default: '',
    about:
      'Object store for records, such as s3://bucket?region=eu-central-1 or file:///path. If it is not set: the directory objects in log.dirs.',
  }),
  's3.data.founding.replace': own<boolean>({
    kind: boolean,
    default: 'false',
    about:
      'For one start: replaces the node that the object store records for this cluster.id. The objects of that node are kept, but this node does not read them.',
  }),
  's3.block.cache.size': own<number>({
    kind: bytes(16 * MiB, 3 * GiB),
    default: '64MiB',
    about: 'Block cache: memory for data blocks read from the object store.',
  }),
  's3.network.baseline.bandwidth': own<number>({
    kind: bytes(MiB, 1024 * GiB),
    default: '1GiB',
    about:
      'Bandwidth budget for S3 stores, in bytes per second in each direction. Priority: WAL, foreground reads, read-ahead, uploads, compaction.',
  }),
  's3.wal.upload.threshold': own<number | null>({
    kind: optional('-1', null, bytes(MiB, 64 * GiB)),
    default: '-1',
    about:
      'Bytes of the write-ahead log at which an upload starts. -1: the size of one object in an S3 store; in a local directory, when a segment of the log is full; for a log without segments, when it is idle and a quarter full, or three quarters full.',
  }),
  's3.wal.upload.interval.ms': own<number | null>({
    kind: optional('-1', null, integer(100, 2 ** 31 - 1)),
    default: '60000',
    about:
      'Age at which records are uploaded below the threshold, in milliseconds; -1 for no limit. No effect in a local directory unless s3.wal.upload.threshold is set.',
  }),
  's3.object.delete.retention.minutes': own<number>({
    kind: integer(0, 100_000),
    default: '1',
    about:
      'Time for which an unreferenced object is kept, in minutes. Running reads finish within it. Object listings of the store may be outdated by up to half of it.',
  }),
  'queued.max.requests.size.bytes': own<number>({
    kind: bytes(8 * MiB, 2 * GiB),
    default: '128MiB',
    about: 'Receive buffers of each network thread: memory for requests that have arrived and are not answered. A power of two.',
  }),
  'sequencer.thread': own<(typeof sequencerThreads)[number]>({
    kind: oneOf(['auto', 'own', 'network']),
    default: 'auto',
    about:
      'Thread that sequences the batches of a lane: a thread of its own (own), or the network thread (network), which needs one network thread and one lane. auto: own on three cores or more.',
  }),
  'num.network.threads': own<number | null>({
    kind: optional('auto', null, integer(1, networkThreadsMax)),
    default: 'auto',
    about: 'Threads that read requests from connections and send responses. auto: one for each four cores.',
  }),
  lanes: own<number | null>({
    kind: optional('auto', null, integer(1, lanesMax)),
    default: 'auto',
    about:
      'Number of lanes, among which partitions are divided. Each has a write-ahead log, a log cache and two threads of its own, with the capacity of s3.wal.path and the size of s3.wal.cache.size. A start with another number stores all records of the logs in objects first. A block device takes one lane. auto: one for each four cores at the first start; later starts keep the number.',
  }),
  'compressed.record.validation.enable': own<boolean>({
    kind: boolean,
    default: 'true',
    about:
      'Whether the broker validates each record of a compressed batch. If false, batches that consumers cannot read are stored. Timestamp lookups and retention then rely on the batch header of the producer.',
  }),
  'num.validation.threads': own<number | null>({
    kind: optional('auto', null, integer(0, 64)),
    default: 'auto',
    about:
      'Threads that validate compressed batches. 0: the network thread validates them, and one more thread takes the batches that need longer. auto: 0 below four cores, else a quarter of the cores.',
  }),
  'metrics.listener': own<Omit<Endpoint, 'name'> | null>({
    kind: httpListener,
    default: 'http://127.0.0.1:9404',
    about:
      'Address of the HTTP endpoints /metrics, /healthz and /readyz; empty to disable them. If the default port is in use, another port is chosen and logged.',
  }),
  'log.format': own<'json' | 'pretty' | 'auto'>({
    kind: oneOf(['json', 'pretty', 'auto']),
    default: 'auto',
    about:
      'Format of log lines: json or pretty. auto: pretty on a terminal if pino-pretty is installed and NODE_ENV is not production, else json.',
  }),
  'log.level': own<(typeof logLevels)[number]>({
    kind: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace']),
    default: 'info',
    about: 'Lowest level of events that are logged.',
  }),
} as const

const sequencerThreads = ['auto', 'own', 'network'] as const
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

export type SettingName = keyof typeof settingRows
type Value<S> = S extends Setting<infer T> ? T : never
export type Settings = { readonly [K in SettingName]: Value<(typeof settingRows)[K]> }
