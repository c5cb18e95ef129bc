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
  readonly topicConfigs: Readonly<Record<string, string>>
}

export const millrace: Peer = { name: 'millrace', kind: 'millrace', topicConfigs: {} }
export const kafkaPeers: readonly Peer[] = [
  { name: 'kafka', kind: 'kafka', topicConfigs: {} },
  { name: 'kafka-flushed', kind: 'kafka', topicConfigs: { 'flush.messages': '1' } },
]

/** A Kafka deletes its files a minute after the topic; at these rates the disk would not hold that much. */
const settings: Readonly<Record<BrokerKind, Readonly<Record<string, string>>>> = {
  millrace: {},
  kafka: { 'log.segment.delete.delay.ms': '500', 'log.initial.task.delay.ms': '500' },
}

/** Beside the build and not in the system's temporary folder, which may be memory. */
export const benchDataFolder = join(root, '.millrace', 'bench-data')

export const benchBroker = (kind: BrokerKind): Promise<Broker> => prepareBroker({ kind, settings: settings[kind], under: benchDataFolder })

/** Brokers started once and kept for all rounds, so that they are warm. */
export class Brokers {
  readonly #running = new Map<BrokerKind, Broker>()
  #topics = 0

  async get(peer: Peer): Promise<Broker> {
    const known = this.#running.get(peer.kind)
    if (known?.isRunning) return known
    await known?.remove()
    const broker = await benchBroker(peer.kind)
    this.#running.set(peer.kind, broker)
    await broker.start()
    return broker
  }

  /**
   * A topic that exists for one run. What an earlier run left unwritten is written first, so that nobody pays for another.
   * Where the tail of a light load is the question, the disk comes to rest as well; at full speed that would hide what a
   * broker leaves for later.
   */
  async withTopic<T>(peer: Peer, partitions: number, run: (broker: Broker, topic: string) => Promise<T>, rest = false): Promise<T> {
    const broker = await this.get(peer)
    this.#topics += 1
    const topic = `bench-${this.#topics}`
    await connected(broker.port, (connection) => createTopic(connection, topic, partitions, peer.topicConfigs))
    if (rest) await quietDisk()
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

/** Of the last words of a broker. */
const logBytes = 3000
const lookMs = 250
/** Files of deleted topics go at each broker's own time; when none has gone for this long, they are taken to be gone. */
const quietLooks = 6
const looksMax = 80

/** Waits until nobody frees space any more, and what was written is on the disk: a run must not pay for the one before. */
async function quietDisk(): Promise<void> {
  mkdirSync(benchDataFolder, { recursive: true })
  let free = -1
  for (let looks = 0, quiet = 0; looks < looksMax && quiet < quietLooks; looks += 1) {
    spawnSync('sync')
    await pause(lookMs)
    const { bfree } = statfsSync(benchDataFolder)
    quiet = bfree === free ? quiet + 1 : 0
    free = bfree
  }
}
