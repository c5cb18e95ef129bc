import type { LostRange, PartitionId } from '../ports/partitions.ts'
import type { WalMark } from '../ports/storage-metadata.ts'
import type { MetadataRecord } from './records.ts'

/** The part of an object that belongs to one partition. */
export interface ObjectPartImage {
  readonly partitionId: PartitionId
  readonly start: bigint
  readonly end: bigint
  readonly bytes: number
  /** Of its records, milliseconds since 1970. */
  readonly maxTimestamp: bigint
}

export interface ObjectImage {
  readonly objectId: number
  readonly bytes: number
  /** The live parts: those that readers may still need. An object without one is unreferenced. */
  readonly parts: readonly ObjectPartImage[]
}

/** A live part of an object, from the point of view of its partition. */
export interface PartitionPart {
  readonly objectId: number
  readonly start: bigint
  readonly end: bigint
}

/** Stored state of a partition. */
export interface PartitionStorage {
  /** Records below are deleted. */
  readonly logStartOffset: bigint
  /** End offset of compaction by key; 0 for a partition that was never compacted. */
  readonly cleanedOffset: bigint
  /** In the order of their offsets. */
  readonly lost: readonly LostRange[]
  /** In the order of their offsets. */
  readonly parts: readonly PartitionPart[]
}

interface MutablePartitionStorage extends PartitionStorage {
  logStartOffset: bigint
  cleanedOffset: bigint
  lost: readonly LostRange[]
  readonly parts: PartitionPart[]
}

/** The storage plane of the metadata: objects and stored partitions. */
export interface StorageImage {
  /** Number of lanes, 1 until it is changed, and the largest one so far. */
  readonly lanes: number
  readonly lanesMax: number
  /** All records in the WALs of incarnations up to this one are in objects; 0 until the number of lanes is changed. */
  readonly endedIncarnation: number
  /** The last mark of each lane's WAL, by lane. */
  readonly wals: ReadonlyMap<number, WalMark>
  /** Every existing partition. */
  readonly partitions: ReadonlyMap<PartitionId, PartitionStorage>
  /** Committed, in the order of commitment. */
  readonly objects: ReadonlyMap<number, ObjectImage>
  /** Of all committed objects. */
  readonly objectBytes: number
  /** Committed objects without live parts. */
  readonly unreferenced: ReadonlySet<number>
  /** Prepared, possibly in the store completely or in part; not committed. */
  readonly preparedObjects: ReadonlySet<number>
  /** Still in the store, and no longer read. */
  readonly markedObjects: ReadonlySet<number>
  readonly nextObjectId: number
}

/** The mutable form, for replay only. */
export interface MutableStorageImage extends StorageImage {
  lanes: number
  lanesMax: number
  endedIncarnation: number
  readonly wals: Map<number, WalMark>
  readonly partitions: Map<PartitionId, MutablePartitionStorage>
  readonly objects: Map<number, ObjectImage>
  objectBytes: number
  readonly unreferenced: Set<number>
  readonly preparedObjects: Set<number>
  readonly markedObjects: Set<number>
  nextObjectId: number
}

export const emptyStorageImage = (): MutableStorageImage => ({
  lanes: 1,
  lanesMax: 1,
  endedIncarnation: 0,
  wals: new Map(),
  partitions: new Map(),
  objects: new Map(),
  objectBytes: 0,
  unreferenced: new Set(),
  preparedObjects: new Set(),
  markedObjects: new Set(),
  nextObjectId: 1,
})

/** An independent copy. */
export const copyStorageImage = (image: MutableStorageImage): MutableStorageImage => ({
  ...image,
  wals: new Map(image.wals),
  partitions: new Map([...image.partitions].map(([id, partition]) => [id, { ...partition, parts: [...partition.parts] }])),
  objects: new Map(image.objects),
  unreferenced: new Set(image.unreferenced),
  preparedObjects: new Set(image.preparedObjects),
  markedObjects: new Set(image.markedObjects),
})

type RecordOf<T extends MetadataRecord['type']> = Extract<MetadataRecord, { type: T }>

export function addStoredPartitions(image: MutableStorageImage, partitionIds: readonly PartitionId[]): void {
  for (const partitionId of partitionIds) {
    image.partitions.set(partitionId, { logStartOffset: 0n, cleanedOffset: 0n, lost: [], parts: [] })
  }
}

export function dropStoredPartitions(image: MutableStorageImage, partitionIds: readonly PartitionId[]): void {
  for (const partitionId of partitionIds) {
    const parts = image.partitions.get(partitionId)?.parts ?? []
    image.partitions.delete(partitionId)
    for (const part of parts) dropPart(image, partitionId, part)
  }
}

/** Starts of logs never decrease. Parts that end below it are no longer live. */
export function moveLogStart(image: MutableStorageImage, { partitionId, offset }: RecordOf<'logStartMoved'>): void {
  const partition = image.partitions.get(partitionId)
  if (partition === undefined || offset <= partition.logStartOffset) return
  partition.logStartOffset = offset
  let dead = 0
  while (dead < partition.parts.length && partition.parts[dead]!.end <= offset) dead++
  for (const part of partition.parts.splice(0, dead)) dropPart(image, partitionId, part)
}

/** A WAL that has been replaced has no mark any more. */
export function markWal(image: MutableStorageImage, { lane, secret, incarnation, stored, durable }: RecordOf<'walMarked'>): void {
  if (incarnation <= image.endedIncarnation) return
  const mark = image.wals.get(lane)
  const known = mark?.incarnation === incarnation ? mark : { stored: 0, durable: 0 }
  image.wals.set(lane, { lane, secret, incarnation, stored: Math.max(known.stored, stored), durable: Math.max(known.durable, durable) })
}

export function changeLanes(image: MutableStorageImage, { lanes, incarnation }: RecordOf<'lanesChanged'>): void {
  image.lanes = lanes
  image.lanesMax = Math.max(image.lanesMax, lanes)
  image.endedIncarnation = Math.max(image.endedIncarnation, incarnation)
  for (const mark of [...image.wals.values()]) if (mark.incarnation <= image.endedIncarnation) image.wals.delete(mark.lane)
}

/** Two losses without a record between them are merged. */
export function addLost(image: MutableStorageImage, record: RecordOf<'recordsLost'>): void {
  const partition = image.partitions.get(record.partitionId)
  if (partition === undefined) return
  const range = { start: Number(record.start), end: Number(record.end) }
  const last = partition.lost.at(-1)
  const isSame = last !== undefined && last.end >= range.start
  partition.lost = isSame ? [...partition.lost.slice(0, -1), { start: last.start, end: range.end }] : [...partition.lost, range]
}

export function prepareObjects(image: MutableStorageImage, { first, count }: RecordOf<'objectsPrepared'>): void {
  for (let objectId = first; objectId < first + count; objectId++) image.preparedObjects.add(objectId)
  image.nextObjectId = Math.max(image.nextObjectId, first + count)
}

/** Parts of deleted partitions, and below the start of a log, are not live. */
export function commitObject(image: MutableStorageImage, { objectId, bytes, parts }: RecordOf<'objectCommitted'>): void {
  const live = parts.filter(({ partitionId, end }) => {
    const partition = image.partitions.get(partitionId)
    return partition !== undefined && end > partition.logStartOffset
  })
  image.objects.set(objectId, { objectId, bytes, parts: live })
  image.objectBytes += bytes
  if (live.length === 0) image.unreferenced.add(objectId)
  for (const { partitionId, start, end } of live) insertPart(image.partitions.get(partitionId)!.parts, { objectId, start, end })
  image.preparedObjects.delete(objectId)
  image.nextObjectId = Math.max(image.nextObjectId, objectId + 1)
}

/** Objects that are committed later are usually behind the others; those of a compaction replace earlier ones. */
function insertPart(parts: PartitionPart[], part: PartitionPart): void {
  let at = parts.length
  while (at > 0 && parts[at - 1]!.start > part.start) at--
  parts.splice(at, 0, part)
}

export function markObjects(image: MutableStorageImage, objectIds: readonly number[]): void {
  for (const objectId of objectIds) if (removeObject(image, objectId)) image.markedObjects.add(objectId)
}

export function removeObjects(image: MutableStorageImage, objectIds: readonly number[]): void {
  for (const objectId of objectIds) {
    removeObject(image, objectId)
    image.preparedObjects.delete(objectId)
    image.markedObjects.delete(objectId)
  }
}

/** The partition's records in these objects are no longer read. */
export function setCleaned(image: MutableStorageImage, { partitionId, offset, objectIds }: RecordOf<'partitionCleaned'>): void {
  const partition = image.partitions.get(partitionId)
  if (partition === undefined) return
  if (offset > partition.cleanedOffset) partition.cleanedOffset = offset
  if (objectIds.length === 0) return
  const cleaned = new Set(objectIds)
  const dead = partition.parts.filter((part) => cleaned.has(part.objectId))
  const live = partition.parts.filter((part) => !cleaned.has(part.objectId))
  partition.parts.splice(0, partition.parts.length, ...live)
  for (const part of dead) dropPart(image, partitionId, part)
}

/** Removes a part that its partition no longer lists. */
function dropPart(image: MutableStorageImage, partitionId: PartitionId, { objectId, start }: PartitionPart): void {
  const object = image.objects.get(objectId)
  if (object === undefined) return
  const parts = object.parts.filter((part) => part.partitionId !== partitionId || part.start !== start)
  image.objects.set(objectId, { ...object, parts })
  if (parts.length === 0) image.unreferenced.add(objectId)
}

function removeObject(image: MutableStorageImage, objectId: number): boolean {
  const object = image.objects.get(objectId)
  if (object === undefined) return false
  image.objects.delete(objectId)
  image.objectBytes -= object.bytes
  image.unreferenced.delete(objectId)
  for (const { partitionId } of object.parts) {
    const parts = image.partitions.get(partitionId)?.parts
    const at = parts?.findIndex((part) => part.objectId === objectId) ?? -1
    if (at >= 0) parts!.splice(at, 1)
  }
  return true
}

/** Records that describe the lanes and their WALs. */
export function walRecords({ lanes, lanesMax, endedIncarnation, wals }: StorageImage): MetadataRecord[] {
  const records: MetadataRecord[] = []
  if (lanesMax > lanes) records.push({ type: 'lanesChanged', lanes: lanesMax, incarnation: 0 })
  if (lanesMax > 1 || endedIncarnation > 0) records.push({ type: 'lanesChanged', lanes, incarnation: endedIncarnation })
  return [...records, ...[...wals.values()].map((mark) => ({ type: 'walMarked', ...mark }) as const)]
}

/** The largest incarnation of a WAL in the metadata log; 0 if there is none. */
export const lastIncarnation = ({ wals, endedIncarnation }: StorageImage): number =>
  Math.max(endedIncarnation, ...[...wals.values()].map(({ incarnation }) => incarnation))

/** Records that describe the stored partitions; the records of their topics come first. */
export function partitionStorageRecords({ partitions }: StorageImage): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const [partitionId, { logStartOffset, cleanedOffset, lost }] of partitions) {
    if (logStartOffset > 0n) records.push({ type: 'logStartMoved', partitionId, offset: logStartOffset })
    for (const { start, end } of lost) records.push({ type: 'recordsLost', partitionId, start: BigInt(start), end: BigInt(end) })
    if (cleanedOffset > 0n) records.push({ type: 'partitionCleaned', partitionId, offset: cleanedOffset, objectIds: [] })
  }
  return records
}

/** Object ids are never reused, so that a key never refers to two objects. */
export function objectRecords(image: StorageImage): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const { objectId, bytes, parts } of image.objects.values()) records.push({ type: 'objectCommitted', objectId, bytes, parts })
  for (const objectId of image.markedObjects) {
    records.push({ type: 'objectCommitted', objectId, bytes: 0, parts: [] }, { type: 'objectsMarked', objectIds: [objectId] })
  }
  for (const objectId of image.preparedObjects) records.push({ type: 'objectsPrepared', first: objectId, count: 1 })
  if (image.nextObjectId > 1) records.push({ type: 'objectsPrepared', first: image.nextObjectId, count: 0 })
  return records
}
