import type { ConfigTexts } from '../config/config-entry.ts'
import { groupNumber } from '../config/group-configs.ts'
import type { Settings } from '../config/settings.ts'
import type { MigrationPolicy } from './consumer/migration-policy.ts'

/** Limits of one consumer group. */
export interface ConsumerLimits {
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** Minimum time between two target assignments. */
  readonly assignmentIntervalMs: number
}

/** Settings for groups. */
export interface GroupLimits {
  readonly sessionTimeoutMinMs: number
  readonly sessionTimeoutMaxMs: number
  readonly membersMax: number
  readonly initialDelayMs: number
  readonly metadataBytesMax: number
  readonly offsetsRetentionMs: number
  /** Maximum size of a record. */
  readonly recordBytesMax: number
  readonly batchBytesMax: number
  /** Of a consumer group. */
  readonly consumersMax: number
  /** By name; the first is the default for groups whose members name none. */
  readonly assignors: readonly string[]
  readonly migration: MigrationPolicy
  /** Maximum age of a resolved expression when no topic is added. */
  readonly expressionRefreshMs: number
  /** The current limits: they may change while a group exists. */
  readonly consumer: (groupId: string) => ConsumerLimits
}

const minuteMs = 60_000
/** Of a record and its batch, besides its variable part. */
const overheadBytes = 4096

/** A coordinator can always write its required records, regardless of changes to `message.max.bytes` at run time. */
const batchBytesLeast = 1 << 20

const batchBytes = (settings: Settings): number => Math.max(settings['message.max.bytes'], batchBytesLeast)

/** `textsOf`: configs set for a group. */
export const groupLimits = (settings: Settings, textsOf: (groupId: string) => ConfigTexts): GroupLimits => ({
  sessionTimeoutMinMs: settings['group.min.session.timeout.ms'],
  sessionTimeoutMaxMs: settings['group.max.session.timeout.ms'],
  membersMax: settings['group.max.size'],
  initialDelayMs: Math.max(0, settings['group.initial.rebalance.delay.ms']),
  metadataBytesMax: settings['offset.metadata.max.bytes'],
  offsetsRetentionMs: settings['offsets.retention.minutes'] * minuteMs,
  recordBytesMax: batchBytes(settings) - overheadBytes,
  batchBytesMax: batchBytes(settings),
  consumersMax: settings['group.consumer.max.size'],
  assignors: settings['group.consumer.assignors'],
  migration: settings['group.consumer.migration.policy'],
  expressionRefreshMs: settings['group.consumer.regex.refresh.interval.ms'],
  consumer: (groupId) => {
    const texts = textsOf(groupId)
    return {
      sessionTimeoutMs: groupNumber(texts, settings, 'session.timeout.ms'),
      heartbeatIntervalMs: groupNumber(texts, settings, 'heartbeat.interval.ms'),
      assignmentIntervalMs: groupNumber(texts, settings, 'assignment.interval.ms'),
    }
  },
})
