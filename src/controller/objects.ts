import type { Image } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import type { ObjectImage } from '../metadata/storage-image.ts'
import type { WalMark } from '../ports/storage-metadata.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { brokerError } from './brokers.ts'
import type { Commands } from './commands.ts'
import type { Outcome } from './outcome.ts'

type Request<T extends keyof Commands> = Commands[T]['request']
type OutcomeOf<T extends keyof Commands> = Outcome<Commands[T]['response']>

const failed = (error: KafkaError): Outcome<{ readonly error: KafkaError }> => ({ records: [], response: { error } })
const done = (records: readonly MetadataRecord[]): Outcome<{ readonly error: KafkaError }> => ({
  records,
  response: { error: errors.NONE },
})

const committed = ({ objectId, bytes, parts }: ObjectImage): MetadataRecord => ({ type: 'objectCommitted', objectId, bytes, parts })
const marked = (wal: WalMark): MetadataRecord => ({ type: 'walMarked', ...wal })

export function moveLogStart({ storage }: Image, { partitionId, offset }: Request<'moveLogStart'>): OutcomeOf<'moveLogStart'> {
  const known = storage.partitions.get(partitionId)
  if (known === undefined || offset <= known.logStartOffset) return { records: [], response: known?.logStartOffset }
  return { records: [{ type: 'logStartMoved', partitionId, offset }], response: offset }
}

/** Each id is in the metadata log before an object is stored under it, so that objects left by a crash can be found. */
export function allocateObjectIds(image: Image, { broker, count }: Request<'allocateObjectIds'>): OutcomeOf<'allocateObjectIds'> {
  const error = brokerError(image, broker)
  const first = image.storage.nextObjectId
  if (error !== errors.NONE) return { records: [], response: { error, first } }
  return { records: [{ type: 'objectsPrepared', first, count }], response: { error, first } }
}

export function commitObjects(image: Image, { broker, objects, replaced, wal }: Request<'commitObjects'>): OutcomeOf<'commitObjects'> {
  const error = commitError(image, broker, objects)
  if (error !== errors.NONE) return failed(error)
  const gone = replaced.filter((objectId) => image.storage.objects.has(objectId))
  return done([
    ...objects.map(committed),
    ...(gone.length === 0 ? [] : [{ type: 'objectsMarked', objectIds: gone } as const]),
    ...(wal === null ? [] : [marked(wal)]),
  ])
}

/** An object that contains other partitions too stays, without the cleaned one. A deleted partition is not cleaned. */
export function commitCleaning(image: Image, command: Request<'commitCleaning'>): OutcomeOf<'commitCleaning'> {
  const { broker, partitionId, offset, objects, replaced } = command
  const error = commitError(image, broker, objects)
  if (error !== errors.NONE) return failed(error)
  if (!image.storage.partitions.has(partitionId)) return failed(errors.UNKNOWN_TOPIC_OR_PARTITION)
  const old = replaced.flatMap((objectId) => image.storage.objects.get(objectId) ?? [])
  const alone = old.filter(({ parts }) => parts.every((part) => part.partitionId === partitionId))
  return done([
    ...objects.map(committed),
    { type: 'objectsMarked', objectIds: alone.map(({ objectId }) => objectId) },
    { type: 'partitionCleaned', partitionId, offset, objectIds: old.map(({ objectId }) => objectId) },
  ])
}

export function markUnreferenced(image: Image, { broker }: Request<'markUnreferenced'>): OutcomeOf<'markUnreferenced'> {
  const error = brokerError(image, broker)
  const { unreferenced, objects } = image.storage
  if (error !== errors.NONE || unreferenced.size === 0) return { records: [], response: { error, objects: [] } }
  const objectIds = [...unreferenced]
  return {
    records: [{ type: 'objectsMarked', objectIds }],
    response: { error, objects: objectIds.map((objectId) => objects.get(objectId)!) },
  }
}

/** Only objects that nothing reads may be removed. */
export function removeObjects(image: Image, { broker, objectIds }: Request<'removeObjects'>): OutcomeOf<'removeObjects'> {
  const error = brokerError(image, broker)
  if (error !== errors.NONE) return failed(error)
  if (objectIds.some((objectId) => image.storage.objects.has(objectId))) return failed(errors.INVALID_REQUEST)
  return done([{ type: 'objectsRemoved', objectIds }])
}

export function markWal(image: Image, { broker, wal }: Request<'markWal'>): OutcomeOf<'markWal'> {
  const error = brokerError(image, broker)
  return error === errors.NONE ? done([marked(wal)]) : failed(error)
}

export function changeLanes(image: Image, { broker, lanes, incarnation }: Request<'changeLanes'>): OutcomeOf<'changeLanes'> {
  const error = brokerError(image, broker)
  return error === errors.NONE ? done([{ type: 'lanesChanged', lanes, incarnation }]) : failed(error)
}

/** Together with the marks that make the new WALs valid: after a crash before this append, the next start detects the loss again. */
export function acceptLoss(image: Image, { broker, lost, wals }: Request<'acceptLoss'>): OutcomeOf<'acceptLoss'> {
  const error = brokerError(image, broker)
  if (error !== errors.NONE) return failed(error)
  return done([...lost.map((range) => ({ type: 'recordsLost', ...range }) as const), ...wals.map(marked)])
}

/** An object is committed once, under an id that was allocated for it. */
function commitError(image: Image, broker: Request<'commitObjects'>['broker'], objects: readonly ObjectImage[]): KafkaError {
  const error = brokerError(image, broker)
  if (error !== errors.NONE) return error
  return objects.every(({ objectId }) => image.storage.preparedObjects.has(objectId)) ? errors.NONE : errors.INVALID_REQUEST
}
