/** A long outage of the store, while a producer, a tail consumer and a cold consumer run. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { prng } from '../../src/base/prng.ts'
import { CrashWorld } from '../../test/node/crash/crash-world.ts'
import { endOffset } from '../../test/support/admin.ts'
import { decodeBatches } from '../../test/support/batch.ts'
import { Connection, connected } from '../../test/support/connection.ts'
import { api, fetchRequest, metadata, readFetch } from '../../test/support/requests.ts'
import { root } from '../../test/support/root.ts'
import { S3Server } from '../../test/support/s3/server.ts'

const topic = 'crash'
const partitions = 2
const pollMs = 1000
const settings = {
  's3.wal.path': 'file://?capacity=64MiB',
  's3.wal.cache.size': '32MiB',
  's3.block.cache.size': '32MiB',
  's3.wal.upload.interval.ms': '1000',
  'queued.max.requests.size.bytes': '32MiB',
  'socket.request.max.bytes': '16777216',
} as const
/** The memory limit of src/docs/object-stores.md, for the settings above. */
const rssMibMax = 32 + 40 + 32 + 5 * 4 + 64 + 32 + 80 + 250

/** A client that continues despite errors, and the responses that it received. */
class Reader {
  readonly errors = new Map<number | string, number>()
  records = 0
  slowestMs = 0
  readonly #port: number
  readonly #isTail: boolean
  #offset = 0n

  constructor(port: number, isTail: boolean) {
    this.#port = port
    this.#isTail = isTail
  }

  async run(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      try {
        await connected(this.#port, async (connection) => {
          if (this.#isTail && this.#offset === 0n) this.#offset = await endOffset(connection, topic, 0)
          while (goesOn()) await this.#read(connection)
        })
      } catch (error) {
        this.#note((error as Error).message)
        await pause(200)
      }
    }
  }

  async #read(connection: Connection): Promise<void> {
    const began = performance.now()
    const { parts } = readFetch(
      await connection.call(api.fetch, fetchRequest([{ topic, partition: 0, offset: this.#offset }], { waitMs: 500 })),
    )
    this.slowestMs = Math.max(this.slowestMs, performance.now() - began)
    const error = parts[0]!.error
    if (error !== 0) {
      this.#note(error)
      return void (await pause(200))
    }
    const records = decodeBatches(parts[0]!.records).filter(({ offset }) => offset >= this.#offset)
    for (const { offset } of records)
      if (offset !== this.#offset++) throw new Error(`offset ${offset} received, ${this.#offset - 1n} expected`)
    this.records += records.length
    // Cold reads in a loop: not at full speed, which would be another benchmark.
    if (!this.#isTail) await pause(20)
    if (!this.#isTail && records.length === 0) this.#offset = 0n
  }

  #note(error: number | string): void {
    this.errors.set(error, (this.errors.get(error) ?? 0) + 1)
  }

  get reports(): string {
    const errors = [...this.errors].map(([error, count]) => `${count} x ${error}`).join(', ')
    return `${this.records} records, errors: ${errors || 'none'}, slowest answer ${this.slowestMs.toFixed(0)} ms`
  }
}

/** Requests metadata once a second. */
async function probe(port: number, goesOn: () => boolean): Promise<number> {
  let slowestMs = 0
  await connected(port, async (connection) => {
    for (; goesOn(); await pause(pollMs)) {
      const began = performance.now()
      await connection.call(api.metadata, metadata([topic]))
      slowestMs = Math.max(slowestMs, performance.now() - began)
    }
  })
  return slowestMs
}

/** Prints the maximum memory of the broker in each minute. */
function watch(world: CrashWorld): { stop(): number } {
  let most = 0
  let all = 0
  let polls = 0
  const timer = setInterval(() => {
    if (!world.broker.isRunning) return
    const { rssMib } = world.broker.figures()
    most = Math.max(most, rssMib)
    all = Math.max(all, rssMib)
    if (++polls % 60 !== 0) return
    console.log(
      `minute ${polls / 60}: RSS at most ${most.toFixed(0)} MiB; ${world.acknowledged} acknowledged, ${world.timeOuts} with REQUEST_TIMED_OUT`,
    )
    most = 0
  }, pollMs)
  return {
    stop() {
      clearInterval(timer)
      return all
    },
  }
}

export async function outage(minutes: number): Promise<void> {
  const under = join(root, '.millrace', 'storage-data')
  mkdirSync(under, { recursive: true })
  const folder = mkdtempSync(join(under, 's3-'))
  const server = new S3Server({ buckets: ['outage'], folder })
  server.accounts.set('broker', { secretKey: 'no secret' })
  await server.start()
  const uri = `s3://outage?endpoint=${server.endpoint}&pathStyle=true&accessKey=broker&secretKey=no%20secret`
  const seed = Date.now() % 2 ** 31
  const world = await CrashWorld.start(prng(seed), partitions, { settings: { ...settings, 's3.data.buckets': uri }, timeoutMs: 10_000 })
  try {
    await through(world, server, minutes)
    await atStart(world, server)
  } catch (error) {
    console.error(world.broker.log.slice(-3000))
    throw error
  } finally {
    await world.broker.remove()
    await server.stop()
    rmSync(folder, { recursive: true })
  }
}

async function through(world: CrashWorld, server: S3Server, minutes: number): Promise<void> {
  const { port } = world.broker
  await world.load(10_000)
  let goesOn = true
  const isOn = (): boolean => goesOn
  const [tail, cold] = [new Reader(port, true), new Reader(port, false)]
  const watching = watch(world)
  const clients = Promise.all([probe(port, isOn), tail.run(isOn), cold.run(isOn)])
  const load = world.load(minutes * 60_000 + 20_000)
  await pause(5000)
  await server.stop()
  const before = world.acknowledged
  console.log(`the store is away for ${minutes} minutes; ${before} records acknowledged so far`)
  await pause(minutes * 60_000)
  const during = world.acknowledged
  await server.start()
  const back = performance.now()
  while (world.acknowledged === during) await pause(20)
  console.log(
    `the store is back: ${during - before} records acknowledged while it was away, the next one ${(performance.now() - back).toFixed(0)} ms after`,
  )
  await load
  goesOn = false
  const [slowestMs] = await clients
  await world.settle()
  await world.verifyFromStart()
  const rssMib = watching.stop()
  console.log(`consumer at the end: ${tail.reports}`)
  console.log(`cold consumer: ${cold.reports}`)
  console.log(`metadata: slowest answer ${slowestMs.toFixed(0)} ms`)
  console.log(
    `all ${world.acknowledged} acknowledged records read back, once and in order; RSS at most ${rssMib.toFixed(0)} MiB of ${rssMibMax}`,
  )
  if (rssMib > rssMibMax) throw new Error('more memory than src/docs/object-stores.md states')
}

async function atStart(world: CrashWorld, server: S3Server): Promise<void> {
  await world.broker.stop()
  await server.stop()
  const startMs = await world.broker.start()
  const before = world.acknowledged
  await Promise.all([world.load(10_000), pause(60_000)])
  const during = world.acknowledged
  const connection = await Connection.open(world.broker.port)
  await connection.call(api.metadata, metadata([topic]))
  await connection.close()
  await server.start()
  await world.load(2000)
  await world.settle()
  await world.verifyFromStart()
  console.log(
    `a start without the store answers after ${startMs.toFixed(0)} ms, takes ${during - before} records in the minute, and has all ${world.acknowledged} when the store is back`,
  )
}
