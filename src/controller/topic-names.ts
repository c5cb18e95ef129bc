const nameBytesMax = 249

/** What is wrong with a topic name; undefined when nothing is. */
export function topicNameComplaint(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: it must not be empty.'
  if (name === '.' || name === '..') return `Topic name '${name}' is invalid: it must not be '.' or '..'.`
  if (name.length > nameBytesMax) return `Topic name is invalid: it has ${name.length} characters, at most ${nameBytesMax} are allowed.`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return `Topic name '${name}' is invalid: only ASCII letters, digits, '.', '_' and '-' are allowed.`
  return undefined
}

/** Names that are equal under this cannot both exist: metric names of old made no difference between them. */
export const collisionKey = (name: string): string => name.replaceAll('.', '_')

/** Topics that coordinators keep for themselves. Deleting their records or writing to them is not for clients. */
export const offsetsTopicName = '__consumer_offsets'
const internal = new Set([offsetsTopicName, '__transaction_state', '__share_group_state'])
export const isInternal = (name: string): boolean => internal.has(name)

/** Kafka's own log of metadata: no topic can have its name. */
export const clusterMetadataTopic = '__cluster_metadata'
