import { parseProperties } from '../../src/config/properties.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import { clusterPrefix, markerKey } from '../../src/objects/object-key.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import { StartRefused } from '../process/start-refused.ts'

/** Identity of the node that stores its objects under a cluster id in a store. */
export interface StoreMarker {
  readonly clusterId: string
  readonly nodeId: number
  readonly foundingId: string
  /** Number of starts of the node. A folder with fewer starts is an old copy: it lacks objects that are in the store. */
  readonly starts: number
}

const markerBytesMax = 4096

/** Maximum number of reads of a damaged marker. */
const triesMax = 3

export class MarkerDamaged extends StartRefused {}

const damagedAdvice =
  'restore it from a copy; or, if the store is the one of this node, start once with --override s3.data.founding.replace=true, which writes it again'

/** Undefined if there is none. */
export async function readMarker(store: ObjectStore, clusterId: string): Promise<StoreMarker | undefined | StoreFault> {
  const key = markerKey(clusterId)
  for (let tries = 1; ; tries++) {
    const bytes = await store.get(key, 0, markerBytesMax)
    if (isFault(bytes)) return bytes.fault === 'missing' ? undefined : bytes
    const found = decode(Buffer.from(bytes).toString('latin1'))
    if (found?.clusterId === clusterId) return found
    if (tries === triesMax) throw new MarkerDamaged(`${key} in the object store is damaged: ${damagedAdvice}`)
  }
}

/** If another node was faster, its marker stays: the marker read afterwards decides. */
export async function putMarker(store: ObjectStore, marker: StoreMarker, replaces: boolean): Promise<StoreMarker | undefined | StoreFault> {
  const ifAbsent = !replaces && store.can.conditionalPut
  const fault = await store.put(markerKey(marker.clusterId), [encode(marker)], { ifAbsent })
  if (fault !== undefined && fault.fault !== 'exists') return fault
  return readMarker(store, marker.clusterId)
}

function encode({ clusterId, nodeId, foundingId, starts }: StoreMarker): Buffer {
  const lines = `version=1\ncluster.id=${clusterId}\nnode.id=${nodeId}\nfounding.id=${foundingId}\nstarts=${starts}\n`
  return Buffer.from(`${lines}crc32c=${sumOf(lines)}\n`, 'latin1')
}

const sumOf = (lines: string): string => crc32c(Buffer.from(lines, 'latin1')).toString(16).padStart(8, '0')

/** Undefined if the marker is incomplete or damaged. */
function decode(text: string): StoreMarker | undefined {
  const [, lines, sum] = /^(.*\n)crc32c=([0-9a-f]{8})\n$/s.exec(text) ?? []
  if (lines === undefined || sumOf(lines) !== sum) return undefined
  const values = new Map(parseProperties(lines).map(({ key, value }) => [key, value]))
  const [clusterId, nodeId, foundingId] = [values.get('cluster.id'), values.get('node.id'), values.get('founding.id')]
  if (values.get('version') !== '1' || clusterId === undefined || nodeId === undefined || foundingId === undefined) return undefined
  return { clusterId, nodeId: Number(nodeId), foundingId, starts: Number(values.get('starts') ?? 0) }
}

/** Clusters with keys in the first page of a store's list. */
export async function clustersIn(store: ObjectStore): Promise<readonly string[] | StoreFault> {
  const page = await store.list('')
  if (isFault(page)) return page
  const found = page.objects.map(({ key }) => /^([A-Za-z0-9_-]{22})\/(?:objects|metadata|wal|producers|node\.properties)/.exec(key)?.[1])
  return [...new Set(found)].filter((id) => id !== undefined)
}

/** Whether a store contains any key of a cluster. */
export async function holdsCluster(store: ObjectStore, clusterId: string): Promise<boolean | StoreFault> {
  const page = await store.list(clusterPrefix(clusterId))
  return isFault(page) ? page : page.objects.length > 0
}
