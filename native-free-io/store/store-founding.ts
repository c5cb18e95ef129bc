import { storeName } from '../../src/config/store-uri.ts'
import type { MutableImage } from '../../src/metadata/image.ts'
import { faultText, isFault } from '../../src/object-store/store-faults.ts'
import { markerKey, ObjectKeys } from '../../src/objects/object-key.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'
import type { WalIdentity } from '../../src/wal/wal-superblock.ts'
import type { FoundingState } from '../disk/data-folder.ts'
import { type FoundingParts, newFoundingId } from '../disk/founding-parts.ts'
import { oldCopyError } from '../disk/old-copy.ts'
import { StartRefused } from '../process/start-refused.ts'
import { meteredStore } from './shared-store.ts'
import { clustersIn, holdsCluster, MarkerDamaged, putMarker, readMarker, type StoreMarker } from './store-marker.ts'

export interface StoreClaim {
  readonly identity: WalIdentity
  /** State from the metadata log; undefined if there is none yet. */
  readonly image: MutableImage | undefined
  readonly state: FoundingState
  /** The cluster id was configured, not newly generated. */
  readonly isNamed: boolean
}

/** Maximum wait of a start for a store that this node has claimed before. */
const waitMsMax = 2000

/**
 * Verifies that the object store contains nothing of another node under this cluster id, and that it is the store that this node used
 * before. `begin` is called after that, before the marker is put. Returns the number of starts recorded in the marker; 0 if it is unknown.
 */
export async function claimStore(parts: FoundingParts, claim: StoreClaim, begin: () => Promise<void>): Promise<number> {
  // A store in memory has no earlier contents, and no other node uses it.
  if (parts.location.scheme === 'mem') {
    await begin()
    return 0
  }
  const store = await meteredStore(parts.location, parts.meter)
  const inspected = inspect(parts, store, claim)
  if (claim.state !== 'done') {
    const { isMarked, starts } = await inspected
    await begin()
    if (!isMarked) await put(parts, store, claim.identity, 0, parts.options.replaceFounding)
    await store.close()
    return starts
  }
  // Without a founding, an unavailable store must not block the start of the node: its keys are its own.
  const checked = inspected.then(async ({ isMarked, starts }) => {
    if (!isMarked) await put(parts, store, claim.identity, 0, parts.options.replaceFounding)
    await store.close()
    return starts
  })
  const starts = await withinLimit(checked)
  if (starts === undefined) checked.catch(parts.onFailure)
  return starts ?? 0
}

/** Records a start in the marker. An unavailable store is skipped: the count is only an additional check. */
export async function noteStart(parts: FoundingParts, identity: WalIdentity, starts: number): Promise<void> {
  if (parts.location.scheme === 'mem') return
  const store = await meteredStore(parts.location, parts.meter)
  const noted = note(parts, store, identity, starts).finally(() => store.close())
  noted.catch(parts.onFailure)
  await withinLimit(noted)
}

async function note(parts: FoundingParts, store: ObjectStore, identity: WalIdentity, starts: number): Promise<void> {
  const found = await readMarker(store, identity.clusterId)
  if (isFault(found)) return parts.log.warn(`s3.data.buckets: ${storeName(parts.location)} cannot be read: ${faultText(found)}`)
  const other = found && otherOf(found, identity)
  if (other !== undefined) throw new StartRefused(`s3.data.buckets: ${storeName(parts.location)} ${other}`)
  if (found !== undefined && found.starts > starts) throw oldCopyError({ known: starts, starts: found.starts })
  const there = await putMarker(store, { ...identity, starts }, true)
  if (isFault(there)) parts.log.warn(`s3.data.buckets: ${storeName(parts.location)} cannot be written: ${faultText(there)}`)
}

/** Undefined when it takes too long. */
async function withinLimit<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), waitMsMax)))
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

interface Inspected {
  /** False: the marker must still be put. */
  readonly isMarked: boolean
  readonly starts: number
}

const unmarked: Inspected = { isMarked: false, starts: 0 }

async function inspect(parts: FoundingParts, store: ObjectStore, claim: StoreClaim): Promise<Inspected> {
  const { location, options, log } = parts
  const { identity, state, isNamed } = claim
  const name = `s3.data.buckets: ${storeName(location)}`
  const replaces = options.replaceFounding
  const found = await readMarker(store, identity.clusterId).catch((error: unknown) => {
    if (!(replaces && error instanceof MarkerDamaged)) throw error
    log.warn(`${error.message}: replaced it`)
    return undefined
  })
  if (isFault(found)) return unreachable(parts, claim, found)
  if (found !== undefined) {
    const other = otherOf(found, identity)
    if (other === undefined) {
      if (replaces) log.warn('s3.data.founding.replace=true has no effect: the store belongs to this node')
      return { isMarked: true, starts: found.starts }
    }
    if (!replaces) throw new StartRefused(`${name} ${other}`)
    log.warn({ store: storeName(location), before: found.foundingId }, 's3.data.founding.replace=true: replaced another founding')
    return unmarked
  }
  if (replaces) return unmarked
  if (state === 'done') {
    throw new StartRefused(
      `${name} has no ${markerKey(identity.clusterId)}, which this node has written: the store is not mounted, is a different one or was emptied; restore it, or start once with --override s3.data.founding.replace=true, after which the records in its objects are lost`,
    )
  }
  if (state === 'upgrade') await seeObjects(name, store, claim)
  else if (isNamed) await seeNothing(name, store, identity.clusterId)
  else await seeNoCluster(name, store, parts)
  return unmarked
}

function otherOf(found: StoreMarker, { clusterId, nodeId, foundingId }: WalIdentity): string | undefined {
  if (found.nodeId !== nodeId) {
    return `contains cluster ${clusterId} of node ${found.nodeId}, but node.id is ${nodeId}: a cluster has one node; set another cluster.id or another store`
  }
  if (found.foundingId === foundingId) return undefined
  return `contains cluster ${clusterId} of node ${nodeId} with founding.id ${found.foundingId}, but log.dirs has founding.id ${foundingId}: ${takeOverAdvice}`
}

const takeOverAdvice =
  'restore its log.dirs; or set another cluster.id; or start once with --override s3.data.founding.replace=true, after which the objects of that founding are no longer read'

function unreachable({ location, log }: FoundingParts, { state }: StoreClaim, fault: StoreFault): Inspected {
  const text = `s3.data.buckets: ${storeName(location)} cannot be read: ${faultText(fault)}`
  if (state !== 'done') throw new StartRefused(`${text}; the first start of a node needs its object store`)
  // A folder is never temporarily unavailable, unlike a service.
  if (location.scheme === 'file') throw new StartRefused(`${text}; repair it, or set s3.data.buckets to the folder of this node`)
  log.warn(text)
  return { isMarked: true, starts: 0 }
}

/** Verifies that the objects stored by an earlier release exist. */
async function seeObjects(name: string, store: ObjectStore, { identity, image }: StoreClaim): Promise<void> {
  const [first] = image?.storage.objects.keys() ?? []
  if (first === undefined) return
  const keys = new ObjectKeys({ ...identity, firstObjectId: image!.storage.nextObjectId })
  const size = await store.size(keys.key(first))
  if (!isFault(size)) return
  const why = size.fault === 'missing' ? 'the store is not mounted, is a different one or was emptied' : faultText(size)
  throw new StartRefused(`${name} has no ${keys.key(first)}, which this node has written: ${why}`)
}

async function seeNothing(name: string, store: ObjectStore, clusterId: string): Promise<void> {
  const holds = await holdsCluster(store, clusterId)
  if (isFault(holds)) throw new StartRefused(`${name} cannot be listed: ${faultText(holds)}`)
  if (holds) throw new StartRefused(`${name} contains objects of cluster ${clusterId}, but log.dirs is new: ${takeOverAdvice}`)
}

/** A node that has lost its disk has also lost its cluster id, unless it is configured. */
async function seeNoCluster(name: string, store: ObjectStore, { entropy }: FoundingParts): Promise<void> {
  const clusters = await clustersIn(store)
  if (isFault(clusters)) throw new StartRefused(`${name} cannot be listed: ${faultText(clusters)}; set cluster.id`)
  if (clusters.length === 0) return
  const fresh = newFoundingId(entropy)
  throw new StartRefused(
    `${name} contains cluster ${clusters.join(', ')}, but log.dirs is new: restore the log.dirs of that cluster; or found another cluster beside it with cluster.id=${fresh}`,
  )
}

async function put(
  { location }: FoundingParts,
  store: ObjectStore,
  identity: WalIdentity,
  starts: number,
  replaces: boolean,
): Promise<void> {
  const name = `s3.data.buckets: ${storeName(location)}`
  const there = await putMarker(store, { ...identity, starts }, replaces)
  if (there === undefined || isFault(there)) {
    throw new StartRefused(
      `${name} cannot be written: ${there === undefined ? 'the marker that was written is missing' : faultText(there)}`,
    )
  }
  const other = otherOf(there, identity)
  if (other !== undefined) throw new StartRefused(`${name} ${other}`)
}
