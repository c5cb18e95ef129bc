/**
 * The contract of object stores, tried on S3 servers that others wrote, where they are there or can be built:
 *
 *   node src/cli/run.mjs test/interop/stores.ts [MinIO versitygw moto Ceph 'MinIO over TLS']
 *
 * Or on a bucket that is given, which is left as it was but for keys under millrace-contract/:
 *
 *   MILLRACE_S3_ACCESS_KEY=… MILLRACE_S3_SECRET_KEY=… node src/cli/run.mjs test/interop/stores.ts 's3://bucket?endpoint=…'
 */
import { openStore } from '../../native-free-io/store/open-store.ts'
import { probeStore } from '../../native-free-io/store/probe.ts'
import { InvalidValue } from '../../src/config/kind.ts'
import { storeName, storeUri } from '../../src/config/store-uri.ts'
import { faultText, isFault } from '../../src/object-store/store-faults.ts'
import type { StoreLocation } from '../../src/ports/object-store.ts'
import { triedApart } from '../node/store/apart.ts'
import { clearFolder, contract } from '../node/store/contract.ts'
import { domain } from '../support/s3/server.ts'
import { account, createBucket, type Running, type StoreServer, secureMinio, storeServers } from './store-servers.ts'

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
const partBytes = 5 * 2 ** 20
const pageKeys = 1000
const folder = 'millrace-contract/'
const checkMs = 120_000
const totals = { passed: 0, failed: 0, skipped: 0 }
const asked = process.argv.slice(2)

for (const uri of asked.filter((each) => each.includes('://'))) {
  const location = storeUri.read(uri)
  if (location instanceof InvalidValue) throw new Error(`the URI ${location.allowed}`)
  await tryStore(storeName(location), location)
}
for (const server of [...storeServers, secureMinio]) {
  if (asked.length === 0 || asked.includes(server.name)) await tryServer(server)
}
console.log(`stores: ${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} servers skipped`)
process.exitCode = totals.failed === 0 ? 0 : 1

async function tryServer({ name, absent, start, except }: StoreServer): Promise<void> {
  const reason = absent()
  if (reason !== undefined) {
    totals.skipped++
    return console.log(`${name}: skipped, ${reason}`)
  }
  const running = await start()
  try {
    if (running.certificatePath !== undefined) return await tryAddresses(name, running)
    const secretKey = encodeURIComponent(account.secretKey)
    const uri = `0@s3://contract?endpoint=${running.endpoint}&pathStyle=true&authType=static&accessKey=${account.accessKey}&secretKey=${secretKey}&partSize=${partBytes}`
    const location = storeUri.read(uri)
    if (location instanceof InvalidValue || location.scheme !== 's3') throw new Error('the URI is right')
    await createBucket(running, location.bucket)
    await tryStore(name, location, except)
  } finally {
    await running.stop()
  }
}

/** Node.js reads trusted certificates only at its start. */
async function tryAddresses(name: string, running: Running): Promise<void> {
  await createBucket(running, 'contract')
  // Of an address no bucket can be a part.
  const endpoint = running.endpoint.replace('127.0.0.1', domain)
  for (const where of ['path', 'name of the host'] as const) {
    const uri = `s3://contract?endpoint=${endpoint}&pathStyle=${where === 'path'}&partSize=${partBytes}`
    const output = await triedApart(uri, account, running.certificatePath)
    const [, passed, failed] = /^stores: (\d+) passed, (\d+) failed/m.exec(output) ?? [undefined, 0, 1]
    totals.passed += Number(passed)
    totals.failed += Number(failed)
    if (Number(failed) > 0) console.log(output)
    console.log(`${name}, the bucket in the ${where}: ${passed} passed, ${failed} failed`)
  }
}

async function tryStore(name: string, given: StoreLocation, except: StoreServer['except'] = {}): Promise<void> {
  const first = await openStore(given)
  const found = await probeStore(first, `${folder}probe`)
  await first.close()
  if (isFault(found)) {
    totals.failed++
    return console.log(`${name}: ${faultText(found)}`)
  }
  const location = given.scheme === 's3' ? { ...given, conditionalPut: found.conditionalPut } : given
  console.log(`${name}: conditional put ${found.conditionalPut ? 'has one winner' : 'cannot be relied on'}`)
  const store = await openStore(location)
  const before = totals.failed
  let passed = 0
  for (const [claim, check] of Object.entries(contract)) {
    if (claim in except) {
      console.log(`${name}: ${claim}: skipped, ${except[claim]}`)
      continue
    }
    const at = `${folder}${claim.replace(/[^a-z0-9]/gi, '-')}/`
    try {
      await within(check({ store, at, partBytes, pageKeys }), checkMs)
      passed++
    } catch (error) {
      totals.failed++
      console.log(`${name}: ${claim}: FAILED: ${(error as Error).message}`)
    }
    await clearFolder(store, at).catch((error: Error) => console.log(`${name}: what is left cannot be removed: ${error.message}`))
  }
  totals.passed += passed
  await store.close()
  console.log(`${name}: ${passed} passed, ${totals.failed - before} failed`)
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
