import type { Topics } from '../topics.ts'

const offsetBasis = 0xcbf29ce484222325n
const prime = 0x100000001b3n

/**
 * Input of a group's assignment as a hash of 64 bits: the existing topics, in the order of their names, with ids and partition counts.
 * 0 for none. Source: FNV-1a. Kafka's hash differs; only the coordinator that wrote a hash reads it.
 */
export function metadataHash(subscribed: ReadonlySet<string>, topics: Topics): bigint {
  let hash = offsetBasis
  let count = 0
  for (const name of [...subscribed].sort()) {
    const topic = topics.named(name)
    if (topic === undefined) continue
    count++
    for (const byte of Buffer.from(`${name}\0${topic.topicId}\0${topic.partitions}\0`)) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * prime)
    }
  }
  return count === 0 ? 0n : BigInt.asIntN(64, hash)
}
