import type { StoreLocation } from '../ports.ts'
import { boolean, bytes, integer, type Kind, oneOf, optional, Refused } from './kind.ts'
import { countsOfAddresses, type Endpoint, endpoints, httpListener, type Protocol, protocolMap } from './listeners.ts'
import { storeUri } from './store-uri.ts'
import { type WalUri, walUri } from './wal-uri.ts'

/** A setting that does something. What a row leaves out, Kafka's row of the same name says. */
export interface Setting<T> {
  readonly kind?: Kind<T>
  /** The text that stands for a missing one; null where nothing does. */
  readonly default?: string | null
  /** An older name, used where this one is not given. */
  readonly synonym?: string
  /** Values that are legal in Kafka and cannot be honoured here. */
  readonly cannot?: (value: T) => string | undefined
  readonly about: string
}
const own = <T>(row: Setting<T> & { readonly kind: Kind<T>; readonly default: string | null }): Setting<T> => row
/** `T` is what Kafka's row reads as. */
const kafka = <T>(row: Setting<T>): Setting<T> => row

const clusterId: Kind<string> = {
  read: (text) => (/^[A-Za-z0-9_-]{21}[AQgw]$/.test(text) ? text : new Refused('must be a uuid of 22 base64url characters')),
}
const MiB = 2 ** 20
const GiB = 2 ** 30

/**
 * Every setting of a node: one row each. Types, parsing, checking and the manual all come from here.
 * Names are Kafka's where Kafka has one, else AutoMQ's where it has one.
 */
export const settingRows = {
  'node.id': kafka<number>({ default: '1', synonym: 'broker.id', about: 'The number of this node, which clients see.' }),
  'cluster.id': own<string | null>({
    kind: clusterId,
    default: null,
    about: 'The cluster that a first start founds; a random one if not given. Later it must be the same.',
  }),
  'process.roles': kafka<readonly string[]>({
    default: 'broker,controller',
    cannot: (roles) => (roles.length === 2 ? undefined : 'a node is both broker and controller: nodes with one role do not exist yet'),
    about: 'What this node is.',
  }),
  listeners: kafka<readonly Endpoint[]>({ kind: endpoints, default: 'PLAINTEXT://127.0.0.1:9092', about: 'Where clients connect.' }),
  'advertised.listeners': kafka<readonly Endpoint[] | null>({
    kind: endpoints,
    about: 'What clients are told; the listeners if not given.',
  }),
  'listener.security.protocol.map': kafka<ReadonlyMap<string, Protocol>>({ kind: protocolMap, about: 'How each listener speaks.' }),
  'controller.listener.names': kafka<readonly string[] | null>({ about: 'Listeners that are not for clients.' }),
  'inter.broker.listener.name': kafka<string | null>({ about: 'The listener that brokers use among themselves.' }),
  'security.inter.broker.protocol': kafka<string>({
    cannot: (protocol) => (protocol === 'PLAINTEXT' ? undefined : `${protocol} does not exist yet: only PLAINTEXT does`),
    about: 'How brokers speak among themselves.',
  }),
  'authorizer.class.name': kafka<string>({
    cannot: (name) => (name === '' ? undefined : 'authorization does not exist yet, and must not seem to'),
    about: 'Who decides what a client may do.',
  }),
  'broker.rack': kafka<string | null>({ about: 'Where this node stands, as clients are told.' }),
  'log.dirs': kafka<readonly string[]>({
    default: './.millrace',
    synonym: 'log.dir',
    cannot: (folders) => (folders.length === 1 ? undefined : 'a node keeps its data in one folder'),
    about: 'The folder of everything this node keeps.',
  }),
  'num.partitions': kafka<number>({ about: 'Partitions of a topic whose creator does not say.' }),
  'default.replication.factor': kafka<number>({ about: 'Recorded with such a topic; one copy is kept.' }),
  'auto.create.topics.enable': kafka<boolean>({ about: 'Whether asking for the metadata of a topic may create it.' }),
  'delete.topic.enable': kafka<boolean>({ about: 'Whether topics can be deleted.' }),
  'message.max.bytes': kafka<number>({ about: 'The largest record batch; topics may say otherwise.' }),
  'compression.type': kafka<string>({ about: 'The codec that batches are kept in; topics may say otherwise.' }),
  'compression.gzip.level': kafka<number>({ about: 'How hard gzip tries.' }),
  'compression.lz4.level': kafka<number>({ about: 'How hard lz4 tries.' }),
  'compression.zstd.level': kafka<number>({ about: 'How hard zstd tries.' }),
  'log.message.timestamp.type': kafka<'CreateTime' | 'LogAppendTime'>({ about: 'Whose clock dates a record.' }),
  'log.message.timestamp.before.max.ms': kafka<bigint>({ about: 'How far in the past a record may be dated.' }),
  'log.message.timestamp.after.max.ms': kafka<bigint>({ about: 'How far in the future a record may be dated.' }),
  'log.cleanup.policy': kafka<readonly string[]>({ about: 'Whether old records go by age or by key.' }),
  'log.retention.ms': kafka<bigint | null>({ about: 'How old records get; -1 for any age.' }),
  'log.retention.minutes': kafka<number | null>({ about: 'The same, where log.retention.ms is not given.' }),
  'log.retention.hours': kafka<number>({ about: 'The same, where neither is given.' }),
  'log.retention.bytes': kafka<bigint>({ about: 'How large a partition gets; -1 for any size.' }),
  'log.retention.check.interval.ms': kafka<bigint>({ about: 'How often old records are looked for.' }),
  'log.segment.bytes': kafka<number>({ about: 'How much of a compacted partition may wait in the write-ahead log to be compacted.' }),
  'log.roll.ms': kafka<bigint | null>({ about: 'How long it may wait there.' }),
  'log.roll.hours': kafka<number>({ about: 'The same, where log.roll.ms is not given.' }),
  'log.cleaner.enable': kafka<boolean>({ about: 'Whether partitions are compacted by key.' }),
  'log.cleaner.backoff.ms': kafka<bigint>({ about: 'How often partitions to compact are looked for.' }),
  'log.cleaner.dedupe.buffer.size': kafka<bigint>({ about: 'Memory for the keys of one compaction.' }),
  'log.cleaner.delete.retention.ms': kafka<bigint>({ about: 'How long a compacted partition keeps tombstones.' }),
  'log.cleaner.min.compaction.lag.ms': kafka<bigint>({ about: 'How young a record is that is not compacted yet.' }),
  'log.cleaner.max.compaction.lag.ms': kafka<bigint>({ about: 'How old a record gets before it is compacted in any case.' }),
  'log.cleaner.min.cleanable.ratio': kafka<number>({ about: 'The part of a partition that is not compacted before it is.' }),
  'socket.request.max.bytes': kafka<number>({ about: 'The largest request; a larger one ends its connection.' }),
  'connections.max.idle.ms': kafka<bigint>({ about: 'A connection that is silent for longer is closed.' }),
  'max.connections': kafka<number>({ about: 'Connections at the same time.' }),
  'max.connections.per.ip': kafka<number>({ about: 'Connections at the same time from one address.' }),
  'max.connections.per.ip.overrides': kafka<ReadonlyMap<string, number>>({
    kind: countsOfAddresses,
    about: 'The same for single addresses, as ADDRESS:COUNT; names of hosts are not looked up.',
  }),
  'fetch.max.bytes': kafka<number>({ about: 'The most that one fetch response holds, but for a first batch that is larger.' }),
  'max.incremental.fetch.session.cache.slots': kafka<number>({ about: 'Fetch sessions at the same time.' }),
  'producer.id.expiration.ms': kafka<number>({ about: 'How long an idle producer can still be recognised.' }),
  'group.min.session.timeout.ms': kafka<number>({ about: 'The shortest session that a member of a classic group may ask for.' }),
  'group.max.session.timeout.ms': kafka<number>({ about: 'The longest.' }),
  'group.max.size': kafka<number>({ about: 'Members of a classic group.' }),
  'group.initial.rebalance.delay.ms': kafka<number>({ about: 'How long the first rebalance of a group waits for more members.' }),
  'group.coordinator.rebalance.protocols': kafka<readonly string[]>({
    about: 'The protocols of groups that are spoken: classic and consumer; of streams there are none here.',
  }),
  'group.consumer.session.timeout.ms': kafka<number>({ about: 'How long a member of a consumer group may be silent.' }),
  'group.consumer.min.session.timeout.ms': kafka<number>({ about: 'The shortest that a group may be given.' }),
  'group.consumer.max.session.timeout.ms': kafka<number>({ about: 'The longest.' }),
  'group.consumer.heartbeat.interval.ms': kafka<number>({ about: 'How often members of a consumer group are to be heard of.' }),
  'group.consumer.min.heartbeat.interval.ms': kafka<number>({ about: 'The shortest that a group may be given.' }),
  'group.consumer.max.heartbeat.interval.ms': kafka<number>({ about: 'The longest.' }),
  'group.consumer.assignment.interval.ms': kafka<number>({ about: 'The time between two assignments of a consumer group.' }),
  'group.consumer.min.assignment.interval.ms': kafka<number>({ about: 'The shortest that a group may be given.' }),
  'group.consumer.max.assignment.interval.ms': kafka<number>({ about: 'The longest.' }),
  'group.consumer.max.size': kafka<number>({ about: 'Members of a consumer group.' }),
  'group.consumer.assignors': kafka<readonly string[]>({
    cannot: (names) =>
      names.length > 0 && names.every((name) => name === 'uniform' || name === 'range') ? undefined : 'only uniform and range exist',
    about: 'How consumer groups may be assigned; the first is for groups whose members do not care.',
  }),
  'group.consumer.migration.policy': kafka<'DISABLED' | 'DOWNGRADE' | 'UPGRADE' | 'BIDIRECTIONAL'>({
    about: 'Whether a classic group with members becomes a consumer group, and the other way round.',
  }),
  'group.consumer.regex.refresh.interval.ms': kafka<number>({
    about: 'How old the topics get that an expression matched, although none has come.',
  }),
  'offset.metadata.max.bytes': kafka<number>({ about: 'What may be committed with an offset, in characters.' }),
  'offsets.commit.timeout.ms': kafka<number>({ about: 'How long who commits waits for the disk before it is told to try again.' }),
  'offsets.load.buffer.size': kafka<number>({ about: 'How much of the offsets topic is read at a time when groups are loaded.' }),
  'offsets.retention.minutes': kafka<number>({ about: 'How long offsets are kept that no member needs.' }),
  'offsets.retention.check.interval.ms': kafka<bigint>({ about: 'How often expired offsets are looked for.' }),
  'offsets.topic.num.partitions': kafka<number>({ about: 'Partitions of the offsets topic, when it is created.' }),
  'offsets.topic.replication.factor': kafka<number>({ about: 'Recorded with the offsets topic; one copy is kept.' }),
  's3.wal.path': own<WalUri>({
    kind: walUri,
    default: 'file://?capacity=2GiB',
    about: 'The write-ahead log: a file, in log.dirs without a path, a block device, or a bucket.',
  }),
  's3.wal.format': own<boolean>({
    kind: boolean,
    default: 'false',
    about:
      'Destroys what lies at s3.wal.path, such as a file system or the log of another node, and begins a log there. For one start; never destroys the log of this node.',
  }),
  's3.wal.loss.accept': own<boolean>({
    kind: boolean,
    default: 'false',
    about:
      'Starts although acknowledged records of the write-ahead log are lost; says how many bytes, and never gives their offsets again. For one start.',
  }),
  's3.wal.cache.size': own<number>({
    kind: bytes(8 * MiB, 2 * GiB),
    default: '128MiB',
    about: 'Log memory: the newest records, from which consumers that keep up are served.',
  }),
  's3.data.buckets': own<StoreLocation | null>({
    kind: optional('', null, storeUri),
    default: '',
    about: 'The object store, such as s3://bucket?region=eu-central-1; a folder in log.dirs without one.',
  }),
  's3.data.founding.replace': own<boolean>({
    kind: boolean,
    default: 'false',
    about:
      'Takes the place of the node that the object store names for this cluster.id. The objects of that node stay, and this one does not read them. For one start.',
  }),
  's3.block.cache.size': own<number>({
    kind: bytes(16 * MiB, 3 * GiB),
    default: '64MiB',
    about: 'Block memory: old records that have been read from the object store.',
  }),
  's3.network.baseline.bandwidth': own<number>({
    kind: bytes(MiB, 1024 * GiB),
    default: '1GiB',
    about: 'Bytes a second that the object store may be sent, and as much that it may be asked for; the log and waiting readers go first.',
  }),
  's3.wal.upload.threshold': own<number | null>({
    kind: optional('-1', null, bytes(MiB, 64 * GiB)),
    default: '-1',
    about: 'How much of the write-ahead log is gathered before it is stored; -1 for 32 MiB, or for what the pauses of a local disk allow.',
  }),
  's3.wal.upload.interval.ms': own<number | null>({
    kind: optional('-1', null, integer(100, 2 ** 31 - 1)),
    default: '60000',
    about: 'What is older is stored, however little it is; -1 for no such limit. Without meaning on a local disk.',
  }),
  's3.object.delete.retention.minutes': own<number>({
    kind: integer(0, 100_000),
    default: '1',
    about:
      'How long an object that is no longer needed is kept: for those who are reading it, and since lists of a store may be half as old.',
  }),
  'queued.max.requests.size.bytes': own<number>({
    kind: bytes(8 * MiB, 2 * GiB),
    default: '128MiB',
    about: 'Receive memory: requests that have arrived and are not dealt with.',
  }),
  'sequencer.thread': own<(typeof sequencerThreads)[number]>({
    kind: oneOf(['auto', 'own', 'network']),
    default: 'auto',
    about: 'Whether batches are sequenced in a thread of its own or in the network thread; auto decides by the number of cores.',
  }),
  'compressed.record.validation.enable': own<boolean>({
    kind: boolean,
    default: 'true',
    about:
      'Whether the records of compressed batches are validated when they are produced. Without it a batch that no consumer can read is stored, and lookups by time and retention go by what the producer wrote into its header.',
  }),
  'num.validation.threads': own<number | null>({
    kind: optional('auto', null, integer(0, 64)),
    default: 'auto',
    about:
      'Threads that validate compressed batches. 0: network threads do it, and one more thread for batches that take long. auto: 0 below four cores, else a quarter of them.',
  }),
  'metrics.listener': own<Omit<Endpoint, 'name'> | null>({
    kind: httpListener,
    default: 'http://127.0.0.1:9404',
    about: 'Where Prometheus finds /metrics, beside /healthz and /readyz; empty for nowhere.',
  }),
  'log.format': own<'json' | 'pretty' | 'auto'>({
    kind: oneOf(['json', 'pretty', 'auto']),
    default: 'auto',
    about: 'How lines of the log are written: JSON, or readable; auto: readable on a terminal.',
  }),
  'log.level': own<(typeof logLevels)[number]>({
    kind: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace']),
    default: 'info',
    about: 'How much the log says.',
  }),
} as const

const sequencerThreads = ['auto', 'own', 'network'] as const
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

export type SettingName = keyof typeof settingRows
type Value<S> = S extends Setting<infer T> ? T : never
export type Settings = { readonly [K in SettingName]: Value<(typeof settingRows)[K]> }
