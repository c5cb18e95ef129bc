import { codec, encode } from '../../wire/codec.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '../../wire/internal/consumer-protocol.ts'
import { MalformedMessage } from '../../wire/primitives.ts'
import { Reader } from '../../wire/reader.ts'
import type { AnyPartitions, Partitions } from '../partitions.ts'
import type { Topics } from '../topics.ts'

/** Messages of classic consumers to each other, embedded in JoinGroup and SyncGroup behind an int16 version. */

const latest = 3
const versionBytes = 2

/** A later version starts with the layout of the latest. Undefined for another format. */
function read<T>(bytes: Buffer, of: (reader: Reader, version: number) => T): T | undefined {
  try {
    const reader = new Reader(bytes)
    const version = reader.int16()
    return version < 0 ? undefined : of(reader, Math.min(version, latest))
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}

export const subscriptionOf = (bytes: Buffer): ConsumerProtocolSubscription | undefined =>
  read(bytes, (reader, version) => codec(ConsumerProtocolSubscription, version).read(reader))

/**
 * By topic id; topics that do not exist are left out. Empty bytes are an empty assignment. Undefined for an assignment with user data: it
 * belongs to a custom assignor, which a coordinator cannot continue.
 */
export function assignmentFrom(bytes: Buffer, topics: Topics): Partitions | undefined {
  if (bytes.length === 0) return new Map()
  const found = read(bytes, (reader, version) => codec(ConsumerProtocolAssignment, version).read(reader))
  if (found === undefined || (found.userData !== null && found.userData.length > 0)) return undefined
  const partitions = new Map<string, Set<number>>()
  for (const { topic, partitions: each } of found.assignedPartitions) {
    const known = topics.named(topic)
    if (known !== undefined && each.length > 0) partitions.set(known.topicId, new Set([...each].sort((a, b) => a - b)))
  }
  return partitions
}

/** In the version that the member used. */
export function assignmentBytes(partitions: AnyPartitions, topics: Topics, subscription: Buffer): Buffer {
  const version = Math.min(subscription.readInt16BE(0), latest)
  const assignedPartitions = Array.from(partitions).flatMap(([topicId, each]) => {
    const topic = topics.withId(topicId)
    return topic === undefined ? [] : [{ topic: topic.name, partitions: [...each.keys()].sort((a, b) => a - b) }]
  })
  const head = Buffer.alloc(versionBytes)
  head.writeInt16BE(version)
  return Buffer.concat([head, encode(ConsumerProtocolAssignment, version, { assignedPartitions, userData: null })])
}
