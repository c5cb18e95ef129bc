import { setTimeout as pause } from 'node:timers/promises'
import { errorOf, errors } from '../../src/wire/errors.ts'
import { decodeBatches, type ReadRecord } from './batch.ts'
import type { Connection } from './connection.ts'
import * as requests from './requests.ts'
import { api } from './requests.ts'

/** Common setup and cleanup of tests over the network. */
export async function createTopic(
  connection: Connection,
  name: string,
  partitions = 1,
  configs: Record<string, string> = {},
): Promise<void> {
  const answers = requests.readNamedErrors(
    await connection.call(api.createTopics, requests.createTopics([{ name, partitions, configs }])),
    true,
  )
  if (answers.get(name) !== 0) throw new Error(`topic ${name} was rejected with error ${answers.get(name)}`)
  await untilLed(connection, name, partitions)
}

const untilLedPauseMs = 20
const untilLedTriesMax = 500

/** CreateTopics may be answered before every partition has a leader. */
export async function untilLed(connection: Connection, name: string, partitions: number): Promise<void> {
  for (let attempt = 0; attempt < untilLedTriesMax; attempt += 1) {
    const [topic] = requests.readMetadata(await connection.call(api.metadata, requests.metadata([name])))
    if (topic?.error === 0 && topic.partitions.length === partitions && topic.partitions.every((each) => each.error === 0)) return
    await pause(untilLedPauseMs)
  }
  throw new Error(`topic ${name} has no leaders after ten seconds`)
}

/** Includes topics that the broker has created. */
export async function deleteAllTopics(connection: Connection): Promise<void> {
  const topics = requests.readMetadata(await connection.call(api.metadata, requests.metadata(null)))
  await connection.call(api.deleteTopics, requests.deleteTopics(topics.map(({ name }) => name)))
}

/** A real Kafka that has just started may lead only for a moment. */
export async function endOffset(connection: Connection, topic: string, partition: number): Promise<bigint> {
  for (let tries = 1; ; tries += 1) {
    const { error, offset } = requests.readListOffsets(await connection.call(api.listOffsets, requests.listOffsets(topic, partition, -1n)))
    if (error === 0) return offset
    if (!errorOf(error).retriable || tries === untilLedTriesMax)
      throw new Error(`ListOffsets of ${topic}, partition ${partition}, answered ${error}`)
    await pause(untilLedPauseMs)
  }
}

/** Maximum number of fetches at one offset before a retriable error counts as final. */
const fetchTriesMax = 10

/** Reads every record from `offset` to the end of the partition, and checks the CRCs. Resolves to the end offset. */
export async function eachRecord(
  connection: Connection,
  topic: string,
  partition: number,
  offset: bigint,
  visit: (record: ReadRecord) => void,
): Promise<bigint> {
  const end = await endOffset(connection, topic, partition)
  for (let next = offset, tries = 1; next < end; ) {
    const answer = requests.readFetch(await connection.call(api.fetch, requests.fetchRequest([{ topic, partition, offset: next }])))
    const part = answer.parts[0]
    if (part?.error === errors.KAFKA_STORAGE_ERROR.code && tries++ < fetchTriesMax) continue
    tries = 1
    if (answer.error !== 0 || part?.error !== 0) throw new Error(`Fetch at ${next} answered ${answer.error} and ${part?.error}`)
    const records = decodeBatches(part.records).filter((record) => record.offset >= next)
    if (records.length === 0) throw new Error(`Fetch at ${next} brought nothing although the end is ${end}`)
    for (const record of records) visit(record)
    next = records.at(-1)!.offset + 1n
  }
  return end
}

export async function readAll(connection: Connection, topic: string, partition: number, offset = 0n): Promise<ReadRecord[]> {
  const found: ReadRecord[] = []
  await eachRecord(connection, topic, partition, offset, (record) => found.push(record))
  return found
}

export interface Producer {
  readonly producerId: bigint
  readonly epoch: number
}

export async function newProducer(connection: Connection): Promise<Producer> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = requests.readInitProducerId(await connection.call(api.initProducerId, requests.initProducerId()))
    if (answer.error === 0) return answer
    await pause(50)
  }
  throw new Error('no producer id after five seconds')
}
