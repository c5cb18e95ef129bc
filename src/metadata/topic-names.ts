const nameBytesMax = 249

/** Validates a topic name; undefined when it is valid. */
export function topicNameError(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: it must not be empty.'
  if (name === '.' || name === '..') return `Topic name '${name}' is invalid: it must not be '.' or '..'.`
  if (name.length > nameBytesMax) return `Topic name is invalid: it has ${name.length} characters, at most ${nameBytesMax} are allowed.`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return `Topic name '${name}' is invalid: only ASCII letters, digits, '.', '_' and '-' are allowed.`
  return undefined
}

/** Topics whose names are equal under this cannot both exist: older metric names do not distinguish them. */
export const collisionKey = (name: string): string => name.replaceAll('.', '_')

/** Internal topics of coordinators. Clients may not delete their records or write to them. */
export const offsetsTopicName = '__consumer_offsets'
const internal = new Set([offsetsTopicName, '__transaction_state', '__share_group_state'])
export const isInternal = (name: string): boolean => internal.has(name)

/** Kafka's own log of metadata: no topic can have its name. */
export const clusterMetadataTopic = '__cluster_metadata'
