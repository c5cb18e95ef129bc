import { assert } from '../base/assert.ts'
import { kafkaTopicKeys } from './kafka-topic-keys.ts'

/**
 * The effect of a topic config:
 *
 *  works     as in Kafka's documentation, unless `about` states a difference
 *  nothing   validated, stored and described; it has no equivalent on shared storage
 *  rejected  values that would have an effect are rejected with INVALID_CONFIG
 */
export type TopicMeaning = 'works' | 'nothing' | 'rejected'

export interface TopicKeyRow {
  readonly here: TopicMeaning
  /** The broker config that supplies the default. */
  readonly node: string | null
  readonly about: string
}

const works = (node: string | null, about: string): TopicKeyRow => ({ here: 'works', node, about })
const nothing = (node: string | null, about: string): TopicKeyRow => ({ here: 'nothing', node, about })
const rejected = (node: string | null, about: string): TopicKeyRow => ({ here: 'rejected', node, about })

/** One row for each topic config of Kafka. */
export const topicMeanings: Readonly<Record<string, TopicKeyRow>> = {
  'cleanup.policy': works('log.cleanup.policy', 'Whether old records are removed by age and size (delete), by key (compact), or both.'),
  'compression.gzip.level': works('compression.gzip.level', 'Compression level for gzip.'),
  'compression.lz4.level': works('compression.lz4.level', 'Compression level for lz4.'),
  'compression.type': works('compression.type', 'Codec in which batches are stored; producer keeps the codec of the producer.'),
  'compression.zstd.level': works('compression.zstd.level', 'Compression level for zstd.'),
  'delete.retention.ms': works(
    'log.cleaner.delete.retention.ms',
    'Time for which a compacted partition keeps tombstones, in milliseconds.',
  ),
  'file.delete.delay.ms': nothing(
    'log.segment.delete.delay.ms',
    'A partition has no segment files. Objects are deleted after s3.object.delete.retention.minutes.',
  ),
  'flush.messages': nothing('log.flush.interval.messages', 'Every acknowledged record is durable.'),
  'flush.ms': nothing('log.flush.interval.ms', 'Every acknowledged record is durable.'),
  'follower.replication.throttled.replicas': nothing(null, 'There are no followers.'),
  'index.interval.bytes': nothing('log.index.interval.bytes', 'Objects have an index of their own.'),
  'leader.replication.throttled.replicas': nothing(null, 'There are no followers.'),
  'local.retention.bytes': nothing('log.local.retention.bytes', 'There is one storage tier.'),
  'local.retention.ms': nothing('log.local.retention.ms', 'There is one storage tier.'),
  'max.compaction.lag.ms': works(
    'log.cleaner.max.compaction.lag.ms',
    'Age at which a record becomes due for compaction regardless of the dirty ratio, in milliseconds.',
  ),
  'max.message.bytes': works('message.max.bytes', 'Largest record batch, in bytes.'),
  'message.timestamp.after.max.ms': works(
    'log.message.timestamp.after.max.ms',
    'Largest lead of a record timestamp over the broker clock, in milliseconds.',
  ),
  'message.timestamp.before.max.ms': works(
    'log.message.timestamp.before.max.ms',
    'Largest age of a record timestamp against the broker clock, in milliseconds.',
  ),
  'message.timestamp.type': works(
    'log.message.timestamp.type',
    'Source of record timestamps: the producer (CreateTime) or the broker (LogAppendTime).',
  ),
  'min.cleanable.dirty.ratio': works(
    'log.cleaner.min.cleanable.ratio',
    'Ratio of dirty bytes to all bytes of a partition above which it is compacted.',
  ),
  'min.compaction.lag.ms': works(
    'log.cleaner.min.compaction.lag.ms',
    'Minimum age of a record before it can be compacted, in milliseconds.',
  ),
  'min.insync.replicas': nothing('min.insync.replicas', 'One copy is kept. The write-ahead log and the object store make it durable.'),
  preallocate: nothing('log.preallocate', 'A partition has no segment files.'),
  'remote.log.copy.disable': nothing(null, 'There is one storage tier.'),
  'remote.log.delete.on.disable': nothing(null, 'There is one storage tier.'),
  'remote.storage.enable': rejected(
    null,
    'There is no second storage tier: all records are stored in the object store. Only false is allowed.',
  ),
  'retention.bytes': works(
    'log.retention.bytes',
    'Size of a partition above which its oldest records are deleted, in bytes; -1 for no limit.',
  ),
  'retention.ms': works('log.retention.ms', 'Age at which records are deleted, in milliseconds; -1 for no limit.'),
  'segment.bytes': works(
    'log.segment.bytes',
    'A partition has no segments. For compacted partitions: bytes that may wait in the write-ahead log before they are stored and can be compacted.',
  ),
  'segment.index.bytes': nothing('log.index.size.max.bytes', 'Objects have an index of their own.'),
  'segment.jitter.ms': nothing('log.roll.jitter.ms', 'A partition has no segments.'),
  'segment.ms': works(
    'log.roll.ms',
    'A partition has no segments. For compacted partitions: milliseconds that records may wait in the write-ahead log before they are stored and can be compacted.',
  ),
  'unclean.leader.election.enable': nothing('unclean.leader.election.enable', 'There are no followers.'),
}
assert(
  kafkaTopicKeys.length === Object.keys(topicMeanings).length && kafkaTopicKeys.every(([name]) => Object.hasOwn(topicMeanings, name)),
  'every topic config has a row',
)
