import { assert } from '../base/assert.ts'
import { kafkaTopicKeys } from './kafka-topic-keys.ts'

/**
 * What a topic config does here:
 *
 *  works    what Kafka's documentation says, as far as `about` does not say otherwise
 *  nothing  it is checked, kept and described, and there is nothing on shared storage that it could mean
 *  refused  values that would mean something are refused with INVALID_CONFIG
 */
export type TopicMeaning = 'works' | 'nothing' | 'refused'

export interface TopicKeyRow {
  readonly here: TopicMeaning
  /** The broker config that says what a topic leaves out. */
  readonly node: string | null
  readonly about: string
}

const works = (node: string | null, about: string): TopicKeyRow => ({ here: 'works', node, about })
const nothing = (node: string | null, about: string): TopicKeyRow => ({ here: 'nothing', node, about })
const refused = (node: string | null, about: string): TopicKeyRow => ({ here: 'refused', node, about })

/** A row for each topic config of Kafka. */
export const topicMeanings: Readonly<Record<string, TopicKeyRow>> = {
  'cleanup.policy': works('log.cleanup.policy', 'Whether old records go by age and size (delete), by key (compact), or both.'),
  'compression.gzip.level': works('compression.gzip.level', 'How hard gzip tries.'),
  'compression.lz4.level': works('compression.lz4.level', 'How hard lz4 tries; the default is its fastest.'),
  'compression.type': works('compression.type', 'The codec that batches are kept in; producer leaves them as they come.'),
  'compression.zstd.level': works('compression.zstd.level', 'How hard zstd tries.'),
  'delete.retention.ms': works('log.cleaner.delete.retention.ms', 'How long a compacted partition keeps tombstones.'),
  'file.delete.delay.ms': nothing(
    'log.segment.delete.delay.ms',
    'There are no segment files; objects go after s3.object.delete.retention.minutes.',
  ),
  'flush.messages': nothing('log.flush.interval.messages', 'What is acknowledged is durable.'),
  'flush.ms': nothing('log.flush.interval.ms', 'What is acknowledged is durable.'),
  'follower.replication.throttled.replicas': nothing(null, 'There are no followers.'),
  'index.interval.bytes': nothing('log.index.interval.bytes', 'Objects have an index of their own.'),
  'leader.replication.throttled.replicas': nothing(null, 'There are no followers.'),
  'local.retention.bytes': nothing('log.local.retention.bytes', 'There is one tier.'),
  'local.retention.ms': nothing('log.local.retention.ms', 'There is one tier.'),
  'max.compaction.lag.ms': works('log.cleaner.max.compaction.lag.ms', 'How old a record gets before it is compacted in any case.'),
  'max.message.bytes': works('message.max.bytes', 'The largest record batch.'),
  'message.timestamp.after.max.ms': works('log.message.timestamp.after.max.ms', 'How far in the future a record may be dated.'),
  'message.timestamp.before.max.ms': works('log.message.timestamp.before.max.ms', 'How far in the past a record may be dated.'),
  'message.timestamp.type': works('log.message.timestamp.type', 'Whose clock dates a record: CreateTime or LogAppendTime.'),
  'min.cleanable.dirty.ratio': works('log.cleaner.min.cleanable.ratio', 'The part of a partition that is not compacted before it is.'),
  'min.compaction.lag.ms': works('log.cleaner.min.compaction.lag.ms', 'How young a record is that is not compacted yet.'),
  'min.insync.replicas': nothing('min.insync.replicas', 'One copy is kept; the log and the store make it durable.'),
  preallocate: nothing('log.preallocate', 'There are no segment files.'),
  'remote.log.copy.disable': nothing(null, 'There is one tier.'),
  'remote.log.delete.on.disable': nothing(null, 'There is one tier.'),
  'remote.storage.enable': refused(null, 'There is no second tier, all data goes to object storage: only false is taken.'),
  'retention.bytes': works('log.retention.bytes', 'How large a partition gets before its oldest records go; -1 for any size.'),
  'retention.ms': works('log.retention.ms', 'How old records get; -1 for any age.'),
  'segment.bytes': works(
    'log.segment.bytes',
    'There are no segments: how much of a compacted partition may wait in the write-ahead log to be compacted.',
  ),
  'segment.index.bytes': nothing('log.index.size.max.bytes', 'Objects have an index of their own.'),
  'segment.jitter.ms': nothing('log.roll.jitter.ms', 'There are no segments.'),
  'segment.ms': works('log.roll.ms', 'There are no segments: how long records of a compacted partition may wait to be compacted.'),
  'unclean.leader.election.enable': nothing('unclean.leader.election.enable', 'There are no followers that could be behind.'),
}
assert(
  kafkaTopicKeys.length === Object.keys(topicMeanings).length && kafkaTopicKeys.every(([name]) => Object.hasOwn(topicMeanings, name)),
  'every topic config has a meaning, or is said to have none',
)

/** The table for people: it stands in the README. */
export const topicMeaningTable = (): string =>
  ['| topic config | here | |', '|---|---|---|']
    .concat(kafkaTopicKeys.map(([name]) => `| \`${name}\` | ${topicMeanings[name]!.here} | ${topicMeanings[name]!.about} |`))
    .join('\n')
