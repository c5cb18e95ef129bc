import { randomBytes } from 'node:crypto'
import { storeName } from '../../src/config/store-uri.ts'
import type { StoreWal } from '../../src/config/wal-uri.ts'
import { imageOf, type MutableImage } from '../../src/metadata/image.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import { markerKey, ObjectKeys } from '../../src/objects/object-key.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'
import { intervalMsMax } from '../../src/wal/s3/put-budget.ts'
import { type S3WalParts, StoreRefused, untilAccepted } from '../../src/wal/s3/s3-wal.ts'
import { formerWalPrefix, s3WalHeaderBytes } from '../../src/wal/s3/wal-object.ts'
import { type DataFolder, openDataFolder, saveMeta } from '../disk/data-folder.ts'
import {
  type FoundedNode,
  type FoundingParts,
  firstRecords,
  lanesOf,
  type NodeIdentity,
  newFoundingId,
  refuseUnreadable,
} from '../disk/founding-parts.ts'
import { StartRefused } from '../process/start-refused.ts'
import { MetadataObjects } from './metadata-objects.ts'
import { probeStore } from './probe.ts'
import { ProducersObjects } from './producers-objects.ts'
import { claimAll, s3WalParts } from './s3-wal-files.ts'
import { newMeter, sharedStore } from './shared-store.ts'
import { claimStore } from './store-founding.ts'
import { openStoreLanes } from './store-lanes.ts'
import { holdsCluster, putMarker, readMarker, type StoreMarker } from './store-marker.ts'

/**
 * Opens a node with its logs in a store. An empty folder does not mean that the node is new: the marker in the store identifies it.
 *
 * Order: the owner of the store is read first. Then the metadata log is taken over: from then on no earlier incarnation can commit an
 * object, and therefore cannot trim it from its WAL either.
 */
export async function openStoreNode(parts: FoundingParts, wal: StoreWal): Promise<FoundedNode> {
  const folder = await openDataFolder(parts.folder, { nodeId: parts.nodeId, clusterId: parts.clusterId })
  try {
    return await open(parts, wal, folder)
  } catch (error) {
    folder.release()
    throw error
  }
}

async function open(parts: FoundingParts, wal: StoreWal, folder: DataFolder): Promise<FoundedNode> {
  const { nodeId, keepMs, budget, onFault, onFailure } = parts
  const clusterId = folder.meta?.clusterId ?? parts.clusterId!
  const own = newMeter()
  const store = await sharedStore(wal.location, { budget, meter: own })('wal')
  const owner = { high: randomBytes(4).readUInt32LE(), low: randomBytes(4).readUInt32LE() }
  const partsAt = (prefix: string): S3WalParts => s3WalParts({ store, prefix, owner, keepMs, onFault })
  const partsOf = (name: string): S3WalParts => partsAt(`${clusterId}/${name}/`)
  const { conditionalPut } = await untilAccepted(partsOf('probe'), () => probeStore(store, `${clusterId}/probe/${nodeId}`))
  if (!conditionalPut) {
    throw new StoreRefused('s3.wal.path: the store ignores conditional puts, without which two nodes could write one log')
  }
  const known = await markerIn(parts, wal, folder, store, partsOf('metadata'))
  const { log, records, epoch } = await MetadataObjects.open(partsOf('metadata'), onFailure)
  const image = refuseUnreadable(`the metadata log under ${clusterId}/metadata/`, () => imageOf(records, parts.nodeId))
  const foundingId = known?.foundingId ?? image.cluster.founding?.foundingId ?? folder.meta?.foundingId ?? newFoundingId(parts.entropy)
  const marker =
    known ?? (await untilAccepted(partsOf('metadata'), () => put(store, { clusterId, nodeId, foundingId: foundingId, starts: 0 })))
  const identity = { clusterId, nodeId, foundingId: marker.foundingId }
  compare(image, identity)
  if (known !== undefined && image.cluster.clusterId === null) {
    const { records: left } = await untilAccepted(partsOf('metadata'), () => recordsLeft(store, known))
    if (left !== undefined) {
      throw new StartRefused(
        `s3.wal.path: the metadata log under ${clusterId}/metadata/ is empty, but there are records under ${left}: restore it, or set another cluster.id`,
      )
    }
  }
  if (storeName(parts.location) !== storeName(wal.location)) {
    const state = image.cluster.founding !== null ? 'done' : image.cluster.clusterId === null ? 'new' : 'upgrade'
    await claimStore(parts, { identity: { ...identity, lane: 0 }, image, state, isNamed: true }, () => Promise.resolve())
  }
  const lanes = await openStoreLanes({ image, lanes: lanesOf(image, parts), clusterId, nodeId, partsAt })
  const wals = lanes.map(({ formerPrefix, firstEpoch, prefix }) => {
    const common = { store, owner, epoch, keepMs, onFault, share: { budget, meter: newMeter() } }
    return { type: 'store' as const, prefix, formerPrefix, firstEpoch, ...common, ...laneSettings(wal, lanes.length) }
  })
  await claimAll(wals)
  const directoryId = folder.meta?.directoryId ?? newFoundingId(parts.entropy)
  return {
    folder,
    identity,
    image,
    losses: lanes.map(({ isMissing, prefix }) => (isMissing ? { why: `${prefix} contains nothing of the last start` } : undefined)),
    firstRecords: firstRecords(image, identity, lanes.length),
    logs: {
      metadata: log,
      tornBytes: 0,
      wals,
      meters: [own, ...wals.map(({ share }) => share.meter)],
      producers: new ProducersObjects(partsOf(`producers/${nodeId}`), epoch),
      confirm: () => log.append([]),
      async close() {
        await store.close()
        await log.close()
      },
    },
    finish: () => saveMeta(folder.path, { ...identity, state: 'done', directoryId, wal: storeName(wal.location) }),
    // The epochs of the metadata log count the starts.
    noteStart: () => Promise.resolve(),
    release: () => folder.release(),
  }
}

/** Limits of the settings are limits of the node: each lane has its share of the puts, and of the uploads in progress. */
function laneSettings({ location, batchIntervalMs, batchBytesMax, unflushedBytesMax, uploadsMax }: StoreWal, lanes: number) {
  return {
    ...{ location, batchBytesMax, unflushedBytesMax },
    batchIntervalMs: Math.min(batchIntervalMs * lanes, intervalMsMax),
    uploadsMax: Math.ceil(uploadsMax / lanes),
  }
}

/** Identity of the store's node; undefined if there is no marker yet. Throws if it is another node's, or not the previous store. */
async function markerIn(
  { nodeId, options }: FoundingParts,
  wal: StoreWal,
  { meta }: DataFolder,
  store: ObjectStore,
  s3Wal: S3WalParts,
): Promise<StoreMarker | undefined> {
  const name = `s3.wal.path: ${storeName(wal.location)}`
  const clusterId = s3Wal.prefix.slice(0, s3Wal.prefix.indexOf('/'))
  const { marker } = await untilAccepted(s3Wal, async () => answer(await readMarker(store, clusterId)))
  const others = marker === undefined ? await untilAccepted(s3Wal, () => nodesIn(store, clusterId)) : [marker.nodeId]
  if (others.length > 0 && !others.includes(nodeId)) {
    throw new StartRefused(
      `${name} contains cluster ${clusterId} of node ${others.join(', ')}, but node.id is ${nodeId}: a cluster has one node; set another cluster.id or another store`,
    )
  }
  if (meta?.state !== 'done' || meta.foundingId === null) return marker
  if (marker !== undefined && marker.foundingId !== meta.foundingId) {
    throw new StartRefused(
      `${name} contains cluster ${clusterId} with founding.id ${marker.foundingId}, but log.dirs has founding.id ${meta.foundingId}: set s3.wal.path to the store of this node, or log.dirs to an empty folder`,
    )
  }
  if (marker !== undefined || options.replaceFounding) return marker
  const { holds } = await untilAccepted(s3Wal, async () => {
    const found = await holdsCluster(store, clusterId)
    return isFault(found) ? found : { holds: found }
  })
  if (holds) return undefined
  throw new StartRefused(
    `${name} has no ${markerKey(clusterId)}, which this node has written: the store is a different one or was emptied; set s3.wal.path to the store of this node, or log.dirs to an empty folder to found another node`,
  )
}

const answer = (found: StoreMarker | undefined | StoreFault): { readonly marker: StoreMarker | undefined } | StoreFault =>
  isFault(found) ? found : { marker: found }

const put = async (store: ObjectStore, marker: StoreMarker): Promise<StoreMarker | StoreFault> => {
  const there = await putMarker(store, marker, false)
  return (
    there ?? {
      fault: 'corrupt',
      operation: 'get',
      key: markerKey(marker.clusterId),
      detail: 'the marker that was written is missing',
      attempts: 1,
      mayBeDone: true,
    }
  )
}

/** Prefix of remaining records of a node, which a new metadata log does not contain. */
async function recordsLeft(
  store: ObjectStore,
  { clusterId, nodeId, foundingId }: StoreMarker,
): Promise<{ readonly records: string | undefined } | StoreFault> {
  const objects = new ObjectKeys({ clusterId, foundingId, firstObjectId: 1 }).prefix
  for (const [prefix, bytesMin] of [
    [objects, 0],
    // The prefix contains those of all lanes. A start that was interrupted has claimed the log without writing to it.
    [formerWalPrefix(clusterId, nodeId), s3WalHeaderBytes],
  ] as const) {
    const page = await store.list(prefix)
    if (isFault(page)) return page
    if (page.objects.some(({ bytes }) => bytes > bytesMin)) return { records: prefix }
  }
  return { records: undefined }
}

/** Nodes with a WAL under a cluster id, in the first page of the list. */
async function nodesIn(store: ObjectStore, clusterId: string): Promise<readonly number[] | StoreFault> {
  const prefix = `${clusterId}/wal/`
  const page = await store.list(prefix)
  return isFault(page) ? page : [...new Set(page.objects.map(({ key }) => Number(key.slice(prefix.length).split('/')[0])))]
}

function compare({ cluster: { clusterId, founding } }: MutableImage, identity: NodeIdentity): void {
  if (clusterId !== null && clusterId !== identity.clusterId) {
    throw new StartRefused(`s3.wal.path: the metadata log belongs to cluster ${clusterId}, and cluster.id is ${identity.clusterId}`)
  }
  if (founding === null || (founding.foundingId === identity.foundingId && founding.nodeId === identity.nodeId)) return
  throw new StartRefused(
    `s3.wal.path: the metadata log belongs to node ${founding.nodeId} with founding.id ${founding.foundingId}, ${markerKey(identity.clusterId)} to node ${identity.nodeId} with founding.id ${identity.foundingId}: restore the file that is not this node's`,
  )
}
