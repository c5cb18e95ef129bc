import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { StoreWal, WalUri } from '../src/config/wal-uri.ts'
import type { MetadataLog } from '../src/metadata/store.ts'
import type { StoreFault } from '../src/ports.ts'
import { insist, StoreRefused } from '../src/stream/chain.ts'
import { MetadataFile } from './metadata-file.ts'
import { MetadataObjects } from './metadata-objects.ts'
import type { PipelineOptions } from './pipeline.ts'
import { type ProducersHome, producersFile } from './producers-file.ts'
import { ProducersObjects } from './producers-objects.ts'
import { probeStore } from './store/probe.ts'
import { type BudgetData, newMeter, sharedStore } from './store/shared-store.ts'
import { chainParts } from './store-wal.ts'

/** All that a node must find again after a crash, but for its objects. */
export interface NodeLogs {
  readonly metadata: MetadataLog
  /** What the metadata log says, in order. */
  readonly records: readonly Uint8Array[]
  /** Bytes of a write to the metadata log that a crash cut off. */
  readonly tornBytes: number
  readonly wal: PipelineOptions['wal']
  readonly producers: ProducersHome
  /** What each thread counts that uses a store for the logs, in the rows of `storeTable`. */
  readonly meters: readonly Float64Array[]
  /** Resolves if no other node has taken the logs over until now; never, if one has. */
  confirm(): Promise<void>
  close(): Promise<void>
}

export interface LogsParts {
  readonly wal: WalUri
  readonly folder: string
  readonly clusterId: string
  readonly nodeId: number
  /** See `ChainParts`. */
  readonly keepMs: number
  /** Towards stores elsewhere, in which logs go first. */
  readonly budget: BudgetData | null
  onFault(fault: StoreFault): void
  /** The metadata log cannot be written any more: the node has to stop. */
  onFailure(error: Error): void
}

/** The logs where the settings have them: in the node's folder, or all of them in the store of its write-ahead log. */
export const openLogs = (parts: LogsParts): Promise<NodeLogs> =>
  parts.wal.scheme === 'file' ? logsInFolder(parts, parts.wal) : logsInStore(parts, parts.wal)

async function logsInFolder({ folder, onFailure }: LogsParts, wal: Extract<WalUri, { scheme: 'file' }>): Promise<NodeLogs> {
  const { log, records, tornBytes } = await MetadataFile.open(join(folder, 'metadata.log'), onFailure)
  return {
    metadata: log,
    records,
    tornBytes,
    wal: { type: 'file', path: wal.path ?? join(folder, 'wal', 'lane-0.wal'), capacity: wal.capacityBytes },
    producers: producersFile(join(folder, 'producers.snapshot')),
    meters: [],
    // The folder is locked.
    confirm: () => Promise.resolve(),
    close: () => log.close(),
  }
}

/**
 * Order: the metadata log is taken over first. From then on no earlier life can commit an object, and what it commits no
 * more it does not trim from its write-ahead log either.
 */
async function logsInStore({ clusterId, nodeId, keepMs, budget, onFault, onFailure }: LogsParts, wal: StoreWal): Promise<NodeLogs> {
  const [own, writers] = [newMeter(), newMeter()]
  const store = await sharedStore(wal.location, { budget, meter: own })('wal')
  const owner = { high: randomBytes(4).readUInt32LE(), low: randomBytes(4).readUInt32LE() }
  const partsOf = (prefix: string) => chainParts({ store, prefix: `${clusterId}/${prefix}/`, owner, keepMs, onFault })
  const { conditionalPut } = await insist(partsOf('probe'), () => probeStore(store, `${clusterId}/probe`))
  if (!conditionalPut) {
    throw new StoreRefused('s3.wal.path: the store ignores conditional puts, without which two nodes could write one log')
  }
  const { log, records, epoch } = await MetadataObjects.open(partsOf('metadata'), onFailure)
  const { location, batchIntervalMs, batchBytesMax, unflushedBytesMax, uploadsMax } = wal
  const { prefix } = partsOf(`wal/${nodeId}`)
  return {
    metadata: log,
    records,
    tornBytes: 0,
    wal: {
      type: 'store',
      store,
      location,
      share: { budget, meter: writers },
      prefix,
      epoch,
      owner,
      keepMs,
      batchIntervalMs,
      batchBytesMax,
      unflushedBytesMax,
      uploadsMax,
      onFault,
    },
    meters: [own, writers],
    producers: new ProducersObjects(partsOf(`producers/${nodeId}`), epoch),
    confirm: () => log.append([]),
    async close() {
      await store.close()
      await log.close()
    },
  }
}
