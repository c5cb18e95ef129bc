import { type Stats, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FileWal } from '../../src/config/wal-uri.ts'
import { imageOf, type MutableImage } from '../../src/metadata/image.ts'
import { encodeRecord } from '../../src/metadata/records.ts'
import { lastIncarnation } from '../../src/metadata/storage-image.ts'
import { ObjectKeys } from '../../src/objects/object-key.ts'
import { segmentBytesFor } from '../../src/wal/segments.ts'
import { logStart, type WalIdentity } from '../../src/wal/wal-superblock.ts'
import { crashPoint } from '../process/crash-point.ts'
import type { Log } from '../process/logger.ts'
import { StartRefused } from '../process/start-refused.ts'
import { claimStore, noteStart } from '../store/store-founding.ts'
import { type DataFolder, type Meta, openDataFolder, saveMeta } from './data-folder.ts'
import {
  type AcceptedLoss,
  type FoundedNode,
  type FoundingParts,
  firstRecords,
  hasLog,
  lanesOf,
  type NodeIdentity,
  newFoundingId,
  refuseUnreadable,
} from './founding-parts.ts'
import { emptyLog, lanePath, removeFormerLanes } from './lane-files.ts'
import { MetadataFile } from './metadata-file.ts'
import { type Forgotten, forgetLaterStarts, type OldCopy, oldCopyError, oldCopyLoss } from './old-copy.ts'
import { producersFile } from './producers-file.ts'
import { inspectWal, type WalFinding } from './wal-inspection.ts'
import { openWalPlace, refuseLanes, type WalPlace, wipe } from './wal-place.ts'

const metadataLog = 'metadata.log'
const producersSnapshot = 'producers.snapshot'

/** Advice for an operator after the loss of a WAL. */
const lossAdvice =
  'restore it; or start once with --override s3.wal.loss.accept=true, which discards the acknowledged records that are not in objects'
const formatAdvice = 'set s3.wal.path to another place; or start once with --override s3.wal.format=true, which destroys that data'

/**
 * Opens a node with its logs on this machine. Its identity is compared in all files before the first write.
 *
 * Order of a founding: `meta.properties` with the id, the metadata log, the marker in the store, the WAL, the id in the metadata log,
 * `meta.properties` again. After a crash between two steps, the next start continues.
 */
export async function openFolderNode(parts: FoundingParts, wal: FileWal): Promise<FoundedNode> {
  const folder = await openDataFolder(parts.folder, { nodeId: parts.nodeId, clusterId: parts.clusterId })
  const releases = [folder.release]
  try {
    const openPlace = (lane: number): WalPlace => {
      const place = openWalPlace(lanePath(wal, folder.path, lane))
      releases.push(place.release)
      return place
    }
    return await open(parts, wal, folder, openPlace, () => {
      for (const release of [...releases].reverse()) release()
    })
  } catch (error) {
    for (const release of releases.reverse()) release()
    throw error
  }
}

async function open(
  parts: FoundingParts,
  wal: FileWal,
  folder: DataFolder,
  openPlace: (lane: number) => WalPlace,
  release: () => void,
): Promise<FoundedNode> {
  const { nodeId, options, log } = parts
  const { meta } = folder
  const place = openPlace(0)
  const metadataPath = join(folder.path, metadataLog)
  if (meta === undefined) await refuseLostMeta(folder, place, statOf(metadataPath) !== undefined)
  const found = await MetadataFile.read(metadataPath)
  const image = found && refuseUnreadable(metadataPath, () => imageOf(found.records, parts.nodeId))
  const isNew = meta === undefined || meta.state === 'new' || (meta.foundingId === null && image === undefined)
  const isBegun = meta !== undefined && (isOwn(place, meta) || statOf(join(folder.path, producersSnapshot)) !== undefined)
  if (image === undefined && (!isNew || isBegun)) {
    throw new StartRefused(
      `${metadataPath} is missing, but this node has been founded: restore it from a copy; or set log.dirs to an empty folder to found another node`,
    )
  }
  const identity: NodeIdentity = {
    clusterId: meta?.clusterId ?? parts.clusterId ?? newFoundingId(parts.entropy),
    nodeId,
    foundingId: meta?.foundingId ?? image?.cluster.founding?.foundingId ?? newFoundingId(parts.entropy),
  }
  if (image !== undefined) compareImage(metadataPath, image, identity)
  if (meta?.state === 'done' && image!.cluster.founding === null) {
    throw new StartRefused(
      `${metadataPath} does not identify a node, but meta.properties does: it is truncated or out of date; restore it from a copy`,
    )
  }

  const mustExist = !isNew && (meta.state === 'done' || image!.cluster.clusterId !== null)
  const mayBeFormer = !isNew && meta.state === 'upgrade'
  const lanes = lanesOf(image, parts)
  const places = [place, ...Array.from({ length: lanes - 1 }, (_, others) => openPlace(others + 1))]
  if (place.device !== null) refuseLanes(place.path, lanes)
  const logs = places.map((at, lane): FoundLog => {
    const isRequired = hasLog(image, lane, mustExist)
    const own = { ...identity, lane }
    const finding = inspectWal(at.content, { identity: own, image, mustExist: isRequired, mayBeFormer: mayBeFormer && lane === 0 })
    const why = lossOf(at, lane === 0 ? meta : undefined, isRequired, finding, parts)
    return {
      place: at,
      identity: own,
      finding,
      loss: why === undefined ? undefined : { why },
      capacity: capacityOf(wal, at, parts.logBytes),
    }
  })
  if (options.formatWal && logs.every(({ finding }) => finding.type !== 'occupied'))
    log.warn(`s3.wal.format=true has no effect: ${places.map(({ path }) => path).join(', ')} contains no other data`)
  const claim = {
    identity: logs[0]!.identity,
    image,
    state: meta === undefined || isNew ? ('new' as const) : meta.state,
    isNamed: meta !== undefined || parts.clusterId !== null,
  }

  // Files are changed from here on.
  const { clusterId, foundingId } = identity
  const directoryId = meta?.directoryId ?? newFoundingId(parts.entropy)
  const save = (state: Meta['state'], at: string | null): Promise<void> =>
    saveMeta(folder.path, { nodeId, clusterId, foundingId, state, directoryId, wal: at })
  const starts = await claimStore(parts, claim, async () => {
    if (claim.state !== 'done') await save(claim.state, meta?.wal ?? null)
    crashPoint('founding begun')
  })
  crashPoint('store claimed')
  const copy = oldCopyOf(places, image, starts)
  if (copy !== undefined && !options.acceptLoss) throw oldCopyError(copy)
  const { log: metadata, records, tornBytes } = await MetadataFile.open(metadataPath, parts.room, parts.onFailure, found)
  for (const { place: at, finding } of logs) clear(at, finding, log)
  removeFormerLanes(wal, folder.path, {
    ...{ lanes, identity: logs[0]!.identity },
    isEnded: (incarnation) => image === undefined || image.cluster.clusterId === null || incarnation <= image.storage.endedIncarnation,
  })
  let current = image ?? imageOf(records, parts.nodeId)
  let forgotten: Forgotten | undefined
  if (copy !== undefined) {
    const firstObjectId = current.cluster.founding?.firstObjectId ?? current.storage.nextObjectId
    forgotten = await forgetLaterStarts(parts, new ObjectKeys({ ...identity, firstObjectId }), current)
    const added = forgotten.records.map(encodeRecord)
    await metadata.append(added)
    current = imageOf([...records, ...added], parts.nodeId)
  }
  return {
    folder,
    identity,
    image: current,
    losses: logs.map(({ loss }) => (forgotten === undefined ? loss : { why: oldCopyLoss(copy!, forgotten), bytes: forgotten.newerBytes })),
    firstRecords: firstRecords(current, identity, lanes),
    logs: {
      metadata,
      tornBytes,
      wals: logs.map(({ place: at, identity: own, capacity }) => ({
        type: 'file',
        target: {
          path: at.path,
          device: at.device,
          identity: own,
          capacity,
          segmentBytes: hasSegments(parts, wal, at) ? (bytes) => segmentBytesFor(bytes, parts.logBytes) : undefined,
          incarnation: Math.max(lastIncarnation(current.storage), starts) + 1,
          metadataRecords: current.recordCount,
        },
      })),
      producers: producersFile(join(folder.path, producersSnapshot), parts.room),
      meters: [],
      // The folder is locked.
      confirm: () => Promise.resolve(),
      close: () => metadata.close(),
    },
    async finish() {
      if (meta?.state !== 'done' || meta.wal !== place.path || meta.directoryId === null) await save('done', place.path)
      crashPoint('founding done')
    },
    noteStart: (incarnation) => noteStart(parts, logs[0]!.identity, incarnation),
    release,
  }
}

/** The log of a lane, as a start finds it. */
interface FoundLog {
  readonly place: WalPlace
  readonly identity: WalIdentity
  readonly finding: WalFinding
  readonly loss: AcceptedLoss | undefined
  /** Of a new log. */
  readonly capacity: number
}

/** Removes what is at the place of a log and is not its log. */
function clear(place: WalPlace, finding: WalFinding, log: Log): void {
  if (finding.type === 'occupied' || (finding.type === 'lost' && !finding.isUsable) || place.content.type === 'damaged') wipe(place)
  if (finding.type === 'occupied') log.warn({ path: place.path, held: finding.by }, 's3.wal.format=true: destroyed the data at s3.wal.path')
  if (finding.type === 'ended') emptyLog(place)
}

/** Undefined if the path does not exist. An unreadable folder does not count as empty. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw new StartRefused(`${path} cannot be read: ${(error as Error).message}`)
  }
}

const namesIn = (path: string): Promise<string[]> =>
  readdir(path).catch((error: Error) => {
    throw new StartRefused(`${path} cannot be read: ${error.message}`)
  })

/** Whether a founding has reached the WAL, which is created after the metadata log. */
const isOwn = ({ content }: WalPlace, { foundingId }: Meta): boolean =>
  content.type === 'log' && (content.superblock.identity?.foundingId ?? null) === foundingId

/** Rejects a folder that contains files of a node, but no `meta.properties`. */
async function refuseLostMeta(folder: DataFolder, place: WalPlace, hasMetadata: boolean): Promise<void> {
  const held: string[] = hasMetadata ? [metadataLog] : []
  if (statOf(join(folder.path, producersSnapshot)) !== undefined) held.push(producersSnapshot)
  if (statOf(join(folder.path, 'objects')) !== undefined && (await namesIn(join(folder.path, 'objects'))).length > 0) held.push('objects')
  const isInside = place.path.startsWith(`${folder.path}/`)
  if (isInside && place.content.type !== 'absent' && place.content.type !== 'blank') held.push(place.path.slice(folder.path.length + 1))
  if (held.length === 0) return
  const owner = await ownerOf(folder, place, hasMetadata)
  const lines = owner === undefined ? '' : `, with the lines ${owner.join(', ')}`
  throw new StartRefused(
    `${folder.path} contains ${held.join(', ')}, but no meta.properties: restore it${lines}; or set log.dirs to an empty folder`,
  )
}

/** The lines of the missing `meta.properties`, from the identity in other files. */
async function ownerOf(folder: DataFolder, { content }: WalPlace, hasMetadata: boolean): Promise<string[] | undefined> {
  const found = content.type === 'log' ? content.superblock.identity : undefined
  const logged = hasMetadata ? await foundingIn(join(folder.path, metadataLog)) : undefined
  const owner = found ?? logged
  if (owner === undefined) return undefined
  return ['version=1', `node.id=${owner.nodeId}`, `cluster.id=${owner.clusterId}`, `founding.id=${owner.foundingId}`, 'founding.state=done']
}

/** Placeholder for an image of which only the identity is read. */
const noBroker = -1

async function foundingIn(path: string): Promise<NodeIdentity | undefined> {
  try {
    const { clusterId, founding } = imageOf((await MetadataFile.read(path))?.records ?? [], noBroker).cluster
    return clusterId === null || founding === null ? undefined : { clusterId, ...founding }
  } catch {
    return undefined
  }
}

function compareImage(path: string, { cluster: { clusterId, founding } }: MutableImage, identity: NodeIdentity): void {
  if (clusterId !== null && clusterId !== identity.clusterId) {
    throw new StartRefused(
      `${path} belongs to cluster ${clusterId}, meta.properties to cluster ${identity.clusterId}: restore the file that is not this node's`,
    )
  }
  if (founding === null) return
  if (founding.nodeId !== identity.nodeId) {
    throw new StartRefused(
      `${path} belongs to node ${founding.nodeId}, meta.properties to node ${identity.nodeId}: restore the file that is not this node's`,
    )
  }
  if (founding.foundingId !== identity.foundingId) {
    throw new StartRefused(
      `${path} belongs to founding.id ${founding.foundingId}, meta.properties to founding.id ${identity.foundingId}: restore the file that is not this node's`,
    )
  }
}

/** All files of a node may come from an old copy. Records stored since then are in the store, and such a node would overwrite them. */
function oldCopyOf(places: readonly WalPlace[], image: MutableImage | undefined, starts: number): OldCopy | undefined {
  const own = places.map(({ content }) => (content.type === 'log' ? content.superblock.state.incarnation : 0))
  const known = Math.max(...own, image === undefined ? 0 : lastIncarnation(image.storage))
  return known >= starts ? undefined : { known, starts }
}

/** Reason for an accepted loss of records; undefined if there is none. Throws when an operator must act first. */
function lossOf(
  place: WalPlace,
  meta: Meta | undefined,
  mustExist: boolean,
  finding: WalFinding,
  { options }: FoundingParts,
): string | undefined {
  const { path, device, content } = place
  const was = meta?.wal === path || meta?.wal == null ? '' : `, but at ${meta.wal} at the last start`
  if (finding.type === 'refused') throw new StartRefused(finding.why)
  if (finding.type === 'new' || finding.type === 'own' || finding.type === 'ended') return undefined
  if (finding.type === 'occupied') {
    if (!options.formatWal && !mustExist) throw new StartRefused(`s3.wal.path: ${path} contains ${finding.by}: ${formatAdvice}`)
    if (!mustExist) return undefined
    if (options.formatWal && options.acceptLoss) return `${path} contained ${finding.by}`
    throw new StartRefused(
      `s3.wal.path: the write-ahead log of this node is not at ${path}${was}: it contains ${finding.by}; set s3.wal.path to the place of the log`,
    )
  }
  if (device !== null && content.type === 'log' && content.missingBytes > 0) {
    throw new StartRefused(
      `s3.wal.path: the device ${path} is ${content.missingBytes} bytes too small for the write-ahead log on it: copy the log to a larger one`,
    )
  }
  if (options.acceptLoss) return finding.why
  throw new StartRefused(`s3.wal.path: the write-ahead log of this node is incomplete at ${path}${was}: ${finding.why}; ${lossAdvice}`)
}

/**
 * The log has segments if they can become objects: both are files of one file system. A log at a path of its own is one file, which an
 * operator may move.
 */
function hasSegments({ location }: FoundingParts, wal: FileWal, { path }: WalPlace): boolean {
  if (location.scheme !== 'file' || wal.path !== null) return false
  return existing(location.folder).dev === existing(dirname(path)).dev
}

/** The path, or the nearest folder above it that exists. */
function existing(path: string): Stats {
  return statOf(path) ?? existing(dirname(path))
}

/** Capacity of a new log. On a device it is a multiple of the log cache. */
function capacityOf({ capacityBytes, isCapacityGiven }: FileWal, { device, path }: WalPlace, logBytes: number): number {
  if (device === null) return capacityBytes
  const room = device.bytes - logStart
  const requested = isCapacityGiven ? Math.min(capacityBytes, room) : room
  const capacity = Math.floor(requested / logBytes) * logBytes
  if (capacity > 0) return capacity
  throw new StartRefused(
    `s3.wal.path: the device ${path} has ${device.bytes} bytes, fewer than s3.wal.cache.size = ${logBytes} and the superblocks need`,
  )
}
