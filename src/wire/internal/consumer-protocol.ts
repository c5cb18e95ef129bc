import type { Wire } from '../schema.ts'
import { array, arrayOf, bytes, int32, message, string } from '../schema.ts'

/**
 * Messages between consumers of a classic group. The broker passes them on. It reads them only to detect whether a group reads a
 * topic, and to accept classic members in consumer groups.
 */

/** Subscription of a member of a classic group. In JoinGroup, behind an int16 version. */
export const ConsumerProtocolSubscription = message(
  'ConsumerProtocolSubscription',
  { versions: '0-3', flexible: 'none' },
  {
    topics: arrayOf(string()),
    userData: bytes({ nullable: '0+', default: null }),
    ownedPartitions: array(
      {
        topic: string(),
        partitions: arrayOf(int32()),
      },
      { versions: '1+', ignorable: true },
    ),
    generationId: int32({ versions: '2+', default: -1, ignorable: true }),
    rackId: string({ versions: '3+', nullable: '3+', default: null, ignorable: true }),
  },
)
export type ConsumerProtocolSubscription = Wire<typeof ConsumerProtocolSubscription>

/** Assignment of a member of a classic group. In SyncGroup, behind an int16 version. */
export const ConsumerProtocolAssignment = message(
  'ConsumerProtocolAssignment',
  { versions: '0-3', flexible: 'none' },
  {
    assignedPartitions: array({
      topic: string(),
      partitions: arrayOf(int32()),
    }),
    userData: bytes({ nullable: '0+', default: null }),
  },
)
export type ConsumerProtocolAssignment = Wire<typeof ConsumerProtocolAssignment>
