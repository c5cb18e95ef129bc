import type { Settings } from '../config/settings.ts'

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
}

const minuteMs = 60_000
/** Of a record and its batch, besides what varies. */
const overheadBytes = 4096

/** Whatever `message.max.bytes` says, or comes to say while the node runs, a coordinator can write what it must. */
const batchBytesLeast = 1 << 20

const batchBytes = (settings: Settings): number => Math.max(settings['message.max.bytes'], batchBytesLeast)

export const groupLimits = (settings: Settings): GroupLimits => ({
  sessionTimeoutMinMs: settings['group.min.session.timeout.ms'],
  sessionTimeoutMaxMs: settings['group.max.session.timeout.ms'],
  membersMax: settings['group.max.size'],
  initialDelayMs: Math.max(0, settings['group.initial.rebalance.delay.ms']),
  metadataBytesMax: settings['offset.metadata.max.bytes'],
  offsetsRetentionMs: settings['offsets.retention.minutes'] * minuteMs,
  recordBytesMax: batchBytes(settings) - overheadBytes,
  batchBytesMax: batchBytes(settings),
})
