/** `npm run crash`: a hundred crashes under load at random moments, and the duration of each recovery. */
import { Command } from 'commander'
import { produceProcess } from '../../../bench/load/process.ts'
import { prng } from '../../../src/base/prng.ts'
import { createTopic } from '../../support/admin.ts'
import { connected } from '../../support/connection.ts'
import { loopDevice } from '../../support/loop-device.ts'
import { UnsyncedFolder } from '../../support/unsynced-folder.ts'
import { crashWorldOn, storeForLog } from '../storage/storage-world.ts'
import { CrashWorld } from './crash-world.ts'
import { recoverFull, sentence } from './full-wal.ts'

interface Options {
  readonly rounds: string
  readonly seed: string
  readonly partitions: string
  readonly load: string
  readonly fill: string
  readonly fullWal: string | boolean | undefined
  readonly bucket: boolean | undefined
  readonly power: boolean | undefined
  readonly walDevice: string | undefined
  readonly set: readonly string[]
}

const options = new Command('crash')
  .description('Kills a broker under load repeatedly and reads everything it has acknowledged. BROKER=kafka runs a real Kafka instead.')
  .option('--rounds <count>', 'crashes', '100')
  .option('--seed <number>', 'of the load and of the moments', String(Date.now() % 2 ** 31))
  .option('--partitions <count>', 'each with a producer of its own', '6')
  .option('--load <milliseconds>', 'longest time between a start and the next crash', '1500')
  .option('--fill <mib>', 'written before the first crash, so that recovery has something to read', '0')
  .option('--bucket', 'with all that it keeps in a bucket of a server of its own, and the disk emptied before each start')
  .option('--power', 'on a file system that keeps only what was synced, whose power is cut at each crash (Debian: fuse, python3-fusepy)')
  .option('--wal-device <loop|path>', 'with its write-ahead log on a block device: a loop device of its own, or one that may be formatted')
  .option('--set <key=value...>', 'settings of the broker', [])
  .option('--full-wal [mib]', 'instead: fills a log with this many MiB, by default 2048, kills the broker, and measures its recovery')
  .parse()
  .opts<Options>()

async function fill(world: CrashWorld, mib: number): Promise<void> {
  await connected(world.broker.port, (connection) => createTopic(connection, 'fill', 4))
  const shape = { partitions: 4, connections: 4, inFlight: 5, batchBytes: 256 << 10, recordBytes: 1024, acks: -1, isIdempotent: false }
  const load = produceProcess({ ...shape, port: world.broker.port, topic: 'fill', mibMax: mib, secondsMax: 600, mibPerSecond: null })
  await load.ready
  load.send({ type: 'go' })
  const { seconds } = await load.done
  console.log(`filled with ${mib} MiB in ${seconds.toFixed(1)} s`)
}

/** Capacity for a log of the default size. */
const deviceBytes = 2 ** 31 + 2 ** 20

const of = (times: readonly number[], share: number): string =>
  [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * share)]!.toFixed(0)

if (options.fullWal !== undefined) {
  console.log(sentence(await recoverFull((options.fullWal === true ? 2048 : Number(options.fullWal)) * 2 ** 20)))
  process.exit()
}
console.log(`seed ${options.seed}`)
const folder = options.power ? await UnsyncedFolder.mount() : undefined
const power = { under: folder?.path, onReady: () => folder?.keepRoot(), onEnded: () => folder?.cutPower() }
const loop = options.walDevice === 'loop' ? loopDevice(deviceBytes) : undefined
const device = loop?.path ?? options.walDevice
const onDevice = device === undefined ? {} : { 's3.wal.path': `file://${device}`, 's3.wal.format': 'true' }
// That file system is in memory.
const onSmallDisk = options.power ? { 's3.wal.path': 'file://?capacity=64MiB', 's3.wal.cache.size': '32MiB' } : {}
const settings = { ...onDevice, ...onSmallDisk, ...Object.fromEntries(options.set.map((pair) => pair.split(/=(.*)/s, 2))) }
const more = { settings, forgets: options.bucket === true, partitions: Number(options.partitions), ...power }
const { world, server } = options.bucket
  ? await crashWorldOn(storeForLog(), Number(options.seed), more)
  : { world: await CrashWorld.start(prng(Number(options.seed)), more.partitions, more), server: undefined }
const again = options.walDevice === undefined ? '' : ` --wal-device ${options.walDevice}`
const readyMs: number[] = []
let state = 0
try {
  if (Number(options.fill) > 0) await fill(world, Number(options.fill))
  for (let round = 1; round <= Number(options.rounds); round += 1) {
    const done = await world.round('kill', Number(options.load))
    readyMs.push(done.readyMs)
    state = done.state
    const ledger = `${done.acknowledged} records acknowledged, ${done.unacknowledged} open, ${state} other acknowledged changes`
    console.log(
      `${round}: killed after ${done.loadMs} ms; ${ledger}; answered after ${done.answerMs.toFixed(0)} ms, ready after ${done.readyMs.toFixed(0)} ms`,
    )
  }
  await world.settle()
  await world.verifyFromStart()
  console.log(`recovery: median ${of(readyMs, 0.5)} ms, longest ${of(readyMs, 1)} ms`)
  console.log(
    `${options.rounds} passed, 0 failed: ${world.acknowledged} records acknowledged, each read back once and in order; ${state} other acknowledged changes kept`,
  )
} catch (error) {
  console.error(
    error,
    `\nagain with: npm run crash -- --seed ${options.seed} --rounds ${options.rounds}${again}\n${world.broker.log.slice(-4000)}`,
  )
  process.exitCode = 1
} finally {
  await world.broker.remove()
  await server?.stop()
  await folder?.unmount()
  loop?.remove()
}
