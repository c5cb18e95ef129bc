/** Under what keys a cluster keeps its objects. Two digits that change with every object come first, so that a store can spread them. */
export const objectsPrefix = (clusterId: string): string => `${clusterId}/objects/`

const digits = 16

export const objectKey = (clusterId: string, objectId: number): string =>
  `${objectsPrefix(clusterId)}${(objectId % 256).toString(16).padStart(2, '0')}/${String(objectId).padStart(digits, '0')}`

/** Undefined for a key that is no object's. */
export function objectIdOf(clusterId: string, key: string): number | undefined {
  const objectId = Number(key.slice(-digits))
  return Number.isSafeInteger(objectId) && key === objectKey(clusterId, objectId) ? objectId : undefined
}
