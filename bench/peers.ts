import { spawnSync } from 'node:child_process'
import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createTopic } from '../test/support/admin.ts'
import { type Broker, type BrokerKind, prepareBroker } from '../test/support/broker.ts'
import { connected } from '../test/support/connection.ts'
import { api, deleteTopics } from '../test/support/requests.ts'
import { root } from '../test/support/root.ts'

/** One side of the comparison. Two of them may share a broker and differ in the configs of their topics. */
export interface Peer {
  readonly name: string
  readonly kind: BrokerKind
  /** Root of another checkout of Millrace, built. */
  readonly build?: string
  readonly topicConfigs: Readonly<Record<string, string>>
}

export const millrace: Peer = { name: 'millrace', kind: 'millrace', topicConfigs: {} }
export const kafkaPeers: readonly Peer[] = [
  { name: 'kafka', kind: 'kafka', topicConfigs: {} },
  { name: 'kafka-flushed', kind: 'kafka', topicConfigs: { 'flush.messages': '1' } },
]

/** A build of another commit, for figures before and after a change. Runs alternate, and the load processes are those of this build. */
export const buildPeer = (build: string): Peer => ({ name: 'before', kind: 'millrace', build, topicConfigs: {} })

/** Kafka deletes files a minute after their topic; at these rates the disk would fill up in that time. */
const kafkaSettings = { 'log.segment.delete.delay.ms': '500', 'log.initial.task.delay.ms': '500' }

/** `log.retention.check.interval.ms` has the same name in both brokers. */
const boundedSettings = { 'log.retention.check.interval.ms': '5000' }
const boundedObjects = { 's3.object.delete.retention.minutes': '0' }

/** Beside the build and not in the system's temporary folder, which may be in memory. */
export const benchDataFolder = join(root, '.millrace', 'bench-data')

/** Where and how all brokers of a bench run. */
export interface BrokerPlace {
  /** Parent of their folders. A folder in memory leaves out the disk and its noise. */
  readonly dataFolder: string
  /** For Millrace, of this build and of another. */
  readonly settings: Readonly<Record<string, string>>
  /** Records beyond the retention size are deleted within seconds, so that runs of any length fit the disk. */
  readonly isBounded?: boolean
}

/** Brokers that are started once for all rounds, so that they are warm. */
export class Brokers {
  readonly #running = new Map<string, Broker>()
  readonly #place: BrokerPlace
  #topics = 0

  constructor(place: BrokerPlace = { dataFolder: benchDataFolder, settings: {} }) {
    this.#place = place
  }

  /** A broker that has not been started. */
  prepare({ kind, build }: Peer): Promise<Broker> {
    const bounded = this.#place.isBounded ? { ...boundedSettings, ...(kind === 'millrace' ? boundedObjects : {}) } : {}
    const settings = { ...bounded, ...(kind === 'millrace' ? this.#place.settings : kafkaSettings) }
    return prepareBroker({ kind, settings, under: this.#place.dataFolder, ...(build === undefined ? {} : { build }) })
  }

  async get(peer: Peer): Promise<Broker> {
    const key = peer.build ?? peer.kind
    const known = this.#running.get(key)
    if (known?.isRunning) return known
    await known?.remove()
    const broker = await this.prepare(peer)
    this.#running.set(key, broker)
    await broker.start()
    return broker
  }

  /**
   * A topic that exists for one run. Unwritten data of an earlier run is written first, so that no run is charged for another.
   * When the tail latency of a light load is measured, the disk becomes idle as well. At full speed that would hide work that a
   * broker defers.
   */
  async withTopic<T>(peer: Peer, partitions: number, run: (broker: Broker, topic: string) => Promise<T>, rest = false): Promise<T> {
    const broker = await this.get(peer)
    this.#topics += 1
    const topic = `bench-${this.#topics}`
    await connected(broker.port, (connection) => createTopic(connection, topic, partitions, peer.topicConfigs))
    if (rest) await quietDisk(this.#place.dataFolder)
    else {
      spawnSync('sync')
      await pause(lookMs)
    }
    try {
      return await run(broker, topic)
    } catch (error) {
      if (broker.isRunning) throw error
      throw new Error(`${peer.name} died: ${(error as Error).message}\n${broker.log.slice(-logBytes)}`, { cause: error })
    } finally {
      if (broker.isRunning) await connected(broker.port, (connection) => connection.call(api.deleteTopics, deleteTopics([topic])))
    }
  }

  async remove(): Promise<void> {
    for (const broker of this.#running.values()) await broker.remove()
  }
}

/** Size of the quoted end of a broker's log. */
const logBytes = 3000
const lookMs = 250
/** Each broker deletes files of deleted topics at its own time; after this long without a deletion, all are assumed to be deleted. */
const quietLooks = 6
const looksMax = 80

/** Waits until no process frees space any more and all data is on the disk: a run must not be charged for the one before. */
async function quietDisk(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  let free = -1
  for (let looks = 0, quiet = 0; looks < looksMax && quiet < quietLooks; looks += 1) {
    spawnSync('sync')
    await pause(lookMs)
    const { bfree } = statfsSync(folder)
    quiet = bfree === free ? quiet + 1 : 0
    free = bfree
  }
}
