import type { Wire } from '../schema.ts'
import { array, int8, int16, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * Records of `__share_group_state`: which records of a share partition are delivered, and how often. Framed as those of
 * `__consumer_offsets`.
 */

/** The whole state of a share partition; it replaces earlier records. */
export const ShareSnapshotKey = message(
  'ShareSnapshotKey',
  { key: 0, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    topicId: uuid(),
    partition: int32(),
  },
)
export type ShareSnapshotKey = Wire<typeof ShareSnapshotKey>

export const ShareSnapshotValue = message(
  'ShareSnapshotValue',
  { key: 0, versions: '0', flexible: '0+' },
  {
    snapshotEpoch: int32(),
    stateEpoch: int32(),
    leaderEpoch: int32(),
    startOffset: int64(),
    deliveryCompleteCount: int32({ tag: 0, default: -1 }),
    createTimestamp: int64(),
    writeTimestamp: int64(),
    stateBatches: array({
      firstOffset: int64(),
      lastOffset: int64(),
      deliveryState: int8(),
      deliveryCount: int16(),
    }),
  },
)
export type ShareSnapshotValue = Wire<typeof ShareSnapshotValue>

/** A change to the last snapshot of a share partition. */
export const ShareUpdateKey = message(
  'ShareUpdateKey',
  { key: 1, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    topicId: uuid(),
    partition: int32(),
  },
)
export type ShareUpdateKey = Wire<typeof ShareUpdateKey>

export const ShareUpdateValue = message(
  'ShareUpdateValue',
  { key: 1, versions: '0', flexible: '0+' },
  {
    snapshotEpoch: int32(),
    leaderEpoch: int32(),
    startOffset: int64(),
    deliveryCompleteCount: int32({ tag: 0, default: -1 }),
    stateBatches: array({
      firstOffset: int64(),
      lastOffset: int64(),
      deliveryState: int8(),
      deliveryCount: int16(),
    }),
  },
)
export type ShareUpdateValue = Wire<typeof ShareUpdateValue>
