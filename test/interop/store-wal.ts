/**
 * The write-ahead log in object stores that others wrote, where they are there or can be built: kill -9 under load, an empty
 * disk, and everything that was acknowledged is read back.
 *
 *   node src/cli/run.mjs test/interop/store-wal.ts [MinIO versitygw moto Ceph]
 */
import { prng } from '../../src/base/prng.ts'
import { CrashWorld } from '../node/crash/crash-world.ts'
import { clusterId, smallLog } from '../node/storage/storage-world.ts'
import { account, createBucket, type StoreServer, storeServers } from './store-servers.ts'

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
const bucket = 'millrace-log'
const rounds = 5
const partitions = 4
const loadMsMax = 1500
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const asked = process.argv.slice(2)
const totals = { passed: 0, failed: 0, skipped: 0 }

for (const server of storeServers) {
  if (asked.length === 0 || asked.includes(server.name)) await tryServer(server)
}
console.log(`write-ahead log in stores: ${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} servers skipped`)
process.exitCode = totals.failed === 0 ? 0 : 1

async function tryServer({ name, absent, start }: StoreServer): Promise<void> {
  const reason = absent()
  if (reason !== undefined) {
    totals.skipped++
    return console.log(`${name}: skipped, ${reason}`)
  }
  const running = await start()
  try {
    await createBucket(running, bucket)
    const keys = `accessKey=${account.accessKey}&secretKey=${encodeURIComponent(account.secretKey)}`
    await tryStore(name, `s3://${bucket}?endpoint=${running.endpoint}&pathStyle=true&${keys}`)
  } finally {
    await running.stop()
  }
}

async function tryStore(name: string, uri: string): Promise<void> {
  const settings = { ...smallLog, 'cluster.id': clusterId, 's3.wal.path': `${uri}&maxBytesInBatch=1MiB`, 's3.data.buckets': uri }
  const world = await CrashWorld.start(prng(seed), partitions, { settings, forgets: true })
  try {
    for (let round = 1; round <= rounds; round++) {
      const { acknowledged, answerMs } = await world.round(round < rounds ? 'kill' : 'stop', loadMsMax)
      console.log(
        `${name}: ${round}: ${acknowledged} records acknowledged; answered ${answerMs.toFixed(0)} ms after the start on an empty disk`,
      )
    }
    await world.settle()
    await world.verifyFromStart()
    totals.passed++
    console.log(`${name}: ${world.acknowledged} records, each read back once and in order`)
  } catch (error) {
    totals.failed++
    console.error(`${name}: FAILED (again with SEED=${seed}): ${(error as Error).message}\n${world.broker.log.slice(-3000)}`)
  } finally {
    await world.broker.remove()
  }
}
