import { setTimeout as pause } from 'node:timers/promises'
import { below, chance, type Prng } from '../../../src/base/prng.ts'
import { createTopic, eachRecord, newProducer, untilLed } from '../../support/admin.ts'
import { type Broker, prepareBroker } from '../../support/broker.ts'
import { Connection, connected } from '../../support/connection.ts'
import { IdempotentProducer, isRecordValue } from './idempotent-producer.ts'
import { OtherState } from './other-state.ts'

const topic = 'crash'
const killedAgainPermille = 250
const startMsMax = 400
/** Maximum wait after the load for a broker that is to die at a crash point. */
const dieMsMax = 25_000
/** Number of connections of each producer that sends its open batches. */
const settleAttemptsMax = 20
/** Only a real Kafka uses the first two. A group starts without a delay, and session timeouts tolerate a slow machine. */
const tolerantSettings = {
  'broker.session.timeout.ms': '1000',
  'broker.heartbeat.interval.ms': '200',
  'group.initial.rebalance.delay.ms': '0',
  'group.consumer.session.timeout.ms': '300000',
  'group.consumer.max.session.timeout.ms': '300000',
}
const retryable = /rejected with error (3|5|6|7)$/
const timedOut = /rejected with error 7$/

export interface Round {
  readonly loadMs: number
  /** From the start of the process to a response, and to a leader for every partition. */
  readonly answerMs: number
  readonly readyMs: number
  readonly acknowledged: number
  readonly unacknowledged: number
  /** Acknowledged changes other than records, in all rounds so far. */
  readonly state: number
}

/** A broker under load that crashes repeatedly, and a ledger of its acknowledgements. */
export class CrashWorld {
  /** The broker that clients use. */
  broker: Broker
  readonly others: OtherState
  readonly #random: Prng
  readonly #producers: readonly IdempotentProducer[]
  /** Verified end offset of each partition. */
  readonly #verified: bigint[]
  readonly #connections = new Set<Connection>()
  readonly #onEnded: () => void
  /** Number of batches that were not durable in time. */
  timeOuts = 0

  private constructor(broker: Broker, random: Prng, producers: readonly IdempotentProducer[], onEnded: () => void) {
    this.broker = broker
    this.#onEnded = onEnded
    this.#random = random
    this.#producers = producers
    this.others = new OtherState(broker.kind, topic, producers.length, random)
    this.#verified = producers.map(() => 0n)
  }

  /** `settings` are the broker's own, `topicConfigs` those of the topic. */
  static async start(
    random: Prng,
    partitions: number,
    {
      settings = {},
      topicConfigs = {},
      forgets = false,
      timeoutMs,
      under,
      onReady = () => {},
      onEnded = () => {},
    }: {
      settings?: Readonly<Record<string, string>>
      topicConfigs?: Readonly<Record<string, string>>
      /** The broker finds an empty disk at every start. */
      forgets?: boolean
      /** Timeout of the broker for a batch. */
      timeoutMs?: number
      /** Parent of the broker's folder. */
      under?: string | undefined
      /** Called when the broker is prepared, and whenever the broker has ended. */
      onReady?: () => void
      onEnded?: () => void
    } = {},
  ): Promise<CrashWorld> {
    // After a crash, a real Kafka is fenced until its last session expires.
    const broker = await prepareBroker({
      settings: { ...tolerantSettings, ...settings },
      forgets,
      ...(under === undefined ? {} : { under }),
    })
    onReady()
    await broker.start()
    const producers = await connected(broker.port, async (connection) => {
      await createTopic(connection, topic, partitions, { ...topicConfigs })
      const made: IdempotentProducer[] = []
      for (let partition = 0; partition < partitions; partition += 1) {
        made.push(new IdempotentProducer(topic, partition, await newProducer(connection), random, timeoutMs))
      }
      return made
    })
    return new CrashWorld(broker, random, producers, onEnded)
  }

  get #hasOpenBatches(): boolean {
    return this.#producers.some((each) => each.acknowledged < each.attempted)
  }

  get acknowledged(): number {
    return this.#producers.reduce((sum, each) => sum + each.acknowledged, 0)
  }

  /** Load for a random time, with records and all other changes; then the end, the start, and the verification of all acknowledgements. */
  async round(end: 'kill' | 'stop', loadMsMax: number): Promise<Round> {
    const loadMs = below(this.#random, loadMsMax)
    let ended: Promise<unknown> | null = null
    const mayGoOn = (): boolean => ended === null
    const load = Promise.all([this.#load(mayGoOn), this.others.load(this.broker.port, mayGoOn)])
    await Promise.race([pause(loadMs), load])
    ended = end === 'kill' ? this.broker.kill() : this.broker.stop()
    await Promise.all([ended, load])
    this.#onEnded()
    const acknowledged = this.acknowledged
    if (end === 'kill' && chance(this.#random, killedAgainPermille)) await this.#killWhileItStarts()
    const began = performance.now()
    const answerMs = await this.broker.start()
    await connected(this.broker.port, (connection) => untilLed(connection, topic, this.#producers.length))
    const readyMs = performance.now() - began
    await Promise.all([this.verify(), this.others.verify(this.broker.port)])
    const unacknowledged = this.#producers.reduce((sum, each) => sum + each.attempted - each.acknowledged, 0)
    return { loadMs, answerMs, readyMs, acknowledged, unacknowledged, state: this.others.acknowledged }
  }

  /** Load until the broker dies at the given crash point; then as after any crash. */
  async dieAt(point: string, loadMsMax: number, afterwards: () => Promise<unknown> = () => Promise.resolve()): Promise<boolean> {
    await this.broker.stop()
    this.#onEnded()
    await this.broker.start({ MILLRACE_CRASH_POINT: point })
    const until = performance.now() + loadMsMax
    const mayGoOn = (): boolean => this.broker.isRunning && performance.now() < until
    await Promise.all([this.#load(mayGoOn), this.others.load(this.broker.port, mayGoOn)])
    await afterwards().catch(() => {})
    while (this.broker.isRunning && performance.now() < until + dieMsMax) await pause(20)
    const hasDied = !this.broker.isRunning
    if (!hasDied) await this.broker.stop()
    this.#onEnded()
    await this.broker.start()
    await connected(this.broker.port, (connection) => untilLed(connection, topic, this.#producers.length))
    await Promise.all([this.verify(), this.others.verify(this.broker.port)])
    return hasDied
  }

  /** Load on a broker that continues to run. Unanswered requests stay open. */
  async load(ms: number): Promise<void> {
    const until = performance.now() + ms
    let isOver = false
    const load = this.#load(
      () => performance.now() < until,
      () => isOver,
    )
    await Promise.race([load, pause(ms * 2)])
    // A producer without a connection must not open another one.
    isOver = true
    for (const connection of this.#connections) await connection.close()
    await load
  }

  /** Sends all open batches; then the log must contain exactly what was attempted. A broker without memory may close a connection. */
  async settle(): Promise<void> {
    for (let attempt = 0; attempt < settleAttemptsMax && this.#hasOpenBatches; attempt++) await this.#load(() => false)
    await this.verify()
    for (const producer of this.#producers) {
      const end = this.#verified[producer.partition]
      if (end !== BigInt(producer.attempted))
        throw new Error(`partition ${producer.partition} ends at ${end}, ${producer.attempted} records were sent`)
    }
  }

  /** Reads the whole log again, from the first record. */
  async verifyFromStart(): Promise<void> {
    this.#verified.fill(0n)
    await this.verify()
  }

  /** Invariant: the record at offset n is the n-th record sent, and no acknowledged record is missing at the end. */
  async verify(): Promise<void> {
    await connected(this.broker.port, async (connection) => {
      for (const producer of this.#producers) {
        const { partition } = producer
        let due = this.#verified[partition]!
        const end = await eachRecord(connection, topic, partition, due, (record) => {
          if (record.offset !== due) throw new Error(`partition ${partition}: offset ${record.offset} came where ${due} was due`)
          if (!isRecordValue(record.value, partition, Number(due)))
            throw new Error(`partition ${partition}: offset ${due} holds another record`)
          due += 1n
        })
        if (end < producer.acknowledged)
          throw new Error(`partition ${partition} ends at ${end}, but ${producer.acknowledged} records were acknowledged`)
        if (end > producer.attempted)
          throw new Error(`partition ${partition} ends at ${end}, but only ${producer.attempted} records were sent`)
        this.#verified[partition] = end
      }
    })
  }

  /** An interrupted recovery must leave a log that can be recovered. */
  async #killWhileItStarts(): Promise<void> {
    const started = this.broker.start().catch(() => null)
    await pause(below(this.#random, startMsMax))
    await this.broker.kill()
    await started
    this.#onEnded()
  }

  /** One connection for each partition; a broker that has just started may first return that it is not the leader. */
  async #load(mayGoOn: () => boolean, isOver = () => false): Promise<void> {
    await Promise.all(
      this.#producers.map(async (producer) => {
        for (let attempt = 0; !isOver(); attempt += 1) {
          const connection = await Connection.open(this.broker.port).catch(() => null)
          if (connection === null) return
          this.#connections.add(connection)
          if (isOver()) await connection.close()
          try {
            return await producer.run(connection, mayGoOn)
          } catch (error) {
            if (attempt === 100 || !retryable.test(String(error))) throw error
            if (timedOut.test(String(error))) this.timeOuts++
            await pause(20)
          } finally {
            await connection.close()
            this.#connections.delete(connection)
          }
        }
      }),
    )
  }
}
