import type { ConfigTexts } from '../config/config-entry.ts'
import { groupNumber } from '../config/group-configs.ts'
import type { Settings } from '../config/settings.ts'
import type { MigrationPolicy } from './migration-policy.ts'

/** What holds for one consumer group. */
export interface ConsumerLimits {
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** Between two target assignments. */
  readonly assignmentIntervalMs: number
}

/** What the settings say to groups. */
export interface GroupLimits {
  readonly sessionTimeoutMinMs: number
  readonly sessionTimeoutMaxMs: number
  readonly membersMax: number
  readonly initialDelayMs: number
  readonly metadataBytesMax: number
  readonly offsetsRetentionMs: number
  /** A record that is larger cannot be written. */
  readonly recordBytesMax: number
  readonly batchBytesMax: number
  /** Of a consumer group. */
  readonly consumersMax: number
  /** By name; the first is for groups whose members do not care. */
  readonly assignors: readonly string[]
  readonly migration: MigrationPolicy
  /** How old a resolved expression gets, although no topic has come. */
  readonly expressionRefreshMs: number
  /** As it holds now: it may change while a group lives. */
  readonly consumer: (groupId: string) => ConsumerLimits
}

const minuteMs = 60_000
/** Of a record and its batch, besides what varies. */
const overheadBytes = 4096

/** Whatever `message.max.bytes` says, or comes to say while the node runs, a coordinator can write what it must. */
const batchBytesLeast = 1 << 20

const batchBytes = (settings: Settings): number => Math.max(settings['message.max.bytes'], batchBytesLeast)

/** `textsOf`: what was set for a group. */
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
