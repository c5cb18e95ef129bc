import { setTimeout as pause } from 'node:timers/promises'
import { prng } from '../../../src/base/prng.ts'
import type { Bucket } from '../../support/s3/blobs.ts'
import { S3Server } from '../../support/s3/server.ts'
import { CrashWorld } from '../crash/crash-world.ts'

const bucket = 'millrace'

/** An S3 server in this process, and the settings of a broker that stores its objects there. */
export async function storeForBroker(): Promise<{ readonly server: S3Server; readonly settings: Readonly<Record<string, string>> }> {
  const server = new S3Server({ buckets: [bucket] })
  server.accounts.set('broker', { secretKey: 'no secret' })
  await server.start()
  return { server, settings: { ...smallLog, 's3.data.buckets': uriOf(server) } }
}

/** A broker with such a store, under load on several partitions. */
export async function crashWorldOn(
  store: Promise<{ readonly server: S3Server; readonly settings: Readonly<Record<string, string>> }>,
  seed: number,
  { settings = {}, partitions = 4, ...more }: Parameters<typeof CrashWorld.start>[2] & { readonly partitions?: number } = {},
): Promise<{ readonly server: S3Server; readonly world: CrashWorld }> {
  const { server, settings: own } = await store
  return { server, world: await CrashWorld.start(prng(seed), partitions, { ...more, settings: { ...own, ...settings } }) }
}

/** The same, with the WAL and all state for a start in the store, and none on the disk. */
export async function storeForLog(
  walParameters = '',
): Promise<{ readonly server: S3Server; readonly settings: Readonly<Record<string, string>> }> {
  const { server, settings } = await storeForBroker()
  const wal = `${uriOf(server)}&batchInterval=20&maxBytesInBatch=1MiB${walParameters}`
  return { server, settings: { ...settings, 's3.wal.path': wal, 'cluster.id': clusterId } }
}

export const clusterId = 'c3RvcmUtd2FsLXRlc3QtMQ'

const uriOf = (server: S3Server): string =>
  `s3://${bucket}?endpoint=${server.endpoint}&pathStyle=true&accessKey=broker&secretKey=no%20secret&apiCallAttemptTimeoutMs=2000&apiCallTimeoutMs=4000`

/** A log so small that all except the newest records are uploaded at once, with minimal retention times. */
export const smallLog = {
  's3.wal.path': 'file://?capacity=16MiB',
  's3.wal.cache.size': '8MiB',
  's3.block.cache.size': '16MiB',
  's3.wal.upload.threshold': '1MiB',
  's3.wal.upload.interval.ms': '500',
  's3.object.delete.retention.minutes': '0',
  'log.retention.check.interval.ms': '300',
} as const

/**
 * Memory limit of a node in MiB, from src/docs/object-stores.md, for such settings: log caches, receive buffers and spill buffer, block
 * cache, objects being built, slow readers, cold reads in progress, indices, compaction, a validator thread, and the program.
 */
export const boundMib = (receiveMib = 128, lanes = 1): number => 8 * lanes + (receiveMib * 5) / 4 + 16 + 5 + 32 + 32 + 32 + 80 + 66 + 250

export const bucketIn = (server: S3Server): Bucket => server.buckets.get(bucket)!
export const keysIn = (server: S3Server): readonly string[] => [...bucketIn(server).objects.keys()]
/** Objects with records, without the marker of the store. */
export const objectsIn = (server: S3Server): readonly string[] => keysIn(server).filter((key) => key.includes('/objects/'))

/** Waits until the condition is true; the test's own limit ends the wait. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(50)
}
