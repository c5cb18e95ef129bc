import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { DiskRoom } from '../../native-free-io/disk/disk-room.ts'
import { checkFolder } from '../../native-free-io/disk/folders.ts'
import { openNode } from '../../native-free-io/disk/founding.ts'
import type { FoundedNode } from '../../native-free-io/disk/founding-parts.ts'
import { lanePath } from '../../native-free-io/disk/lane-files.ts'
import { roomFor } from '../../native-free-io/disk/wal-room.ts'
import type { Log } from '../../native-free-io/process/logger.ts'
import { threadsFor } from '../../native-free-io/process/stage-threads.ts'
import { folderAdvice } from '../../native-free-io/process/start-checks.ts'
import { step } from '../../native-free-io/process/start-failure.ts'
import { type BudgetData, budgetFor, newMeter } from '../../native-free-io/store/shared-store.ts'
import type { NodeConfigs } from '../../src/config/node-configs.ts'
import { storeName } from '../../src/config/store-uri.ts'
import { putBudgetText, type WalUri } from '../../src/config/wal-uri.ts'
import { faultText } from '../../src/object-store/store-faults.ts'
import type { StoreLocation } from '../../src/ports/object-store.ts'
import type { Entropy } from '../../src/ports/world.ts'

/** Inputs of every part of a node. */
export interface NodeInputs {
  readonly configs: NodeConfigs
  readonly log: Log
  readonly entropy: Entropy
  /** The node cannot continue: the process must stop at once. */
  fail(why: string, error: Error): void
}

/** The files and stores of a node, after they were found to belong to it. */
export interface Founded extends FoundedNode {
  /** Location of the objects. */
  readonly location: StoreLocation
  /** Counters of the requests that the main thread sends to the store. */
  readonly meter: Float64Array
  readonly budget: BudgetData | null
  /** Time for which a deleted object stays in the store, milliseconds. */
  readonly deleteRetentionMs: number
  readonly room: DiskRoom
}

export const randomEntropy: Entropy = { bytes: (count) => randomBytes(count) }

/** Opens the folder, the metadata log and the write-ahead log of the node in the settings. */
export async function foundNode({ configs, log, entropy, fail }: NodeInputs): Promise<Founded> {
  const { settings } = configs
  const path = resolve(settings['log.dirs'][0]!)
  const location: StoreLocation = settings['s3.data.buckets'] ?? { scheme: 'file', folder: join(path, 'objects') }
  await step(`log.dirs = ${path} cannot be used`, folderAdvice('log.dirs'), () => checkFolder(path))
  if (location.scheme === 'file') {
    const { folder } = location
    await step(`s3.data.buckets: file://${folder} cannot be used`, folderAdvice('s3.data.buckets'), () => checkFolder(folder))
  }
  const wal = walThatFits(configs, path, log)
  const stores = wal.scheme === 'file' ? [location] : [location, wal.location]
  const budget = budgetFor(stores, settings['s3.network.baseline.bandwidth'])
  const deleteRetentionMs = settings['s3.object.delete.retention.minutes'] * 60_000
  const room = new DiskRoom((what, isFull) => {
    if (isFull) log.error({ path: what }, 'the disk is full: no room to write; trying again until there is')
    else log.info({ path: what }, 'there is room on the disk again')
  })
  const meter = newMeter()
  const founded = await openNode({
    wal,
    folder: path,
    nodeId: settings['node.id'],
    lanes: threadsFor(settings).lanes,
    clusterId: settings['cluster.id'],
    location,
    meter,
    logBytes: settings['s3.wal.cache.size'],
    options: {
      formatWal: settings['s3.wal.format'],
      acceptLoss: settings['s3.wal.loss.accept'],
      replaceFounding: settings['s3.data.founding.replace'],
    },
    keepMs: deleteRetentionMs,
    budget,
    entropy,
    log,
    room,
    onFault: (fault) =>
      log.warn({ logs: wal.scheme === 'file' ? wal.path : storeName(wal.location) }, `the store fails: ${faultText(fault)}`),
    onFailure: (error) => fail('the metadata log', error),
  })
  if (wal.scheme === 's3') log.info({ wal: storeName(wal.location), batchInterval: wal.batchIntervalMs }, putBudgetText(wal))
  if (founded.logs.tornBytes > 0) {
    log.warn({ bytes: founded.logs.tornBytes }, 'the metadata log ended in a write that a crash cut off')
  }
  return { ...founded, location, meter, budget, deleteRetentionMs, room }
}

/** WALs of default size are reduced to the free space of the disk. */
function walThatFits({ settings, given }: NodeConfigs, folder: string, log: Log): WalUri {
  const wal = settings['s3.wal.path']
  if (wal.scheme !== 'file') return wal
  const paths = Array.from({ length: threadsFor(settings).lanes }, (_, lane) => lanePath(wal, folder, lane))
  const capacity = roomFor({
    paths,
    capacity: wal.capacityBytes,
    isDefault: !given.has('s3.wal.path'),
    logBytes: settings['s3.wal.cache.size'],
  })
  if (capacity === wal.capacityBytes) return wal
  log.warn(
    { capacity, path: paths[0] },
    's3.wal.path is not set, and its default capacity does not fit the disk: the write-ahead log is smaller',
  )
  return { ...wal, capacityBytes: capacity }
}
