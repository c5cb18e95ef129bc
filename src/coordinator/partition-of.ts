/** Java's String.hashCode: UTF-16 units, modulo 2^32. */
export function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

const int32Min = -(2 ** 31)

/** The partition of the offsets topic for a group. Tools compute it too; the smallest hash has no absolute value and counts as 0. */
export function partitionOf(groupId: string, partitions: number): number {
  const hash = javaHash(groupId)
  return hash === int32Min ? 0 : Math.abs(hash) % partitions
}
