import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { createTopic, readAll } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { type Broker, prepareBroker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'
import { api, fetchRequest, produce, readFetch, readProduce } from '../../support/requests.ts'

type Settings = Readonly<Record<string, string>>

const batchRecords = 100

/** Several nodes, and the files beside their folders. */
export class NodeWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'nodes-'))
  readonly #nodes: Broker[] = []

  /** A node that is not started yet, with its own folder and port. */
  async node(settings: Settings = {}): Promise<Broker> {
    const small = { 's3.wal.path': 'file://?capacity=32MiB', 's3.wal.cache.size': '8MiB', ...settings }
    const node = await prepareBroker({ kind: 'millrace', settings: small })
    this.#nodes.push(node)
    return node
  }

  async remove(): Promise<void> {
    for (const node of this.#nodes) await node.remove()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Produces records with acks=all, in batches; resolves when all are acknowledged, to the offset of the first. */
export const write = (node: Broker, topic: string, count: number, from = 0): Promise<bigint> =>
  connected(node.port, async (connection) => {
    let first = -1n
    for (let at = from; at < from + count; at += batchRecords) {
      const values = Array.from({ length: Math.min(batchRecords, from + count - at) }, (_, i) => ({
        value: Buffer.from(`${topic} ${at + i}`),
      }))
      const [answer] = readProduce(await connection.call(api.produce, produce([{ topic, partition: 0, records: encodeBatch(values) }])))
      if (answer!.error !== 0) throw new Error(`a batch was rejected with error ${answer!.error}`)
      if (first < 0n) first = answer!.baseOffset
    }
    return first
  })

export const create = (node: Broker, topic: string, configs: Settings = {}): Promise<void> =>
  connected(node.port, (connection) => createTopic(connection, topic, 1, configs))

/** The records of `write`, in order. */
export const read = (node: Broker, topic: string, offset = 0n): Promise<string[]> =>
  connected(node.port, async (connection) => (await readAll(connection, topic, 0, offset)).map(({ value }) => value!.toString()))

export const valuesOf = (topic: string, count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `${topic} ${from + i}`)

/** One fetch: its error, or the number of bytes returned. */
export const fetchAt = (
  node: Broker,
  topic: string,
  offset: bigint,
  waitMs = 500,
): Promise<{ error: number; bytes: number; end: bigint }> =>
  connected(node.port, async (connection) => {
    const answer = readFetch(await connection.call(api.fetch, fetchRequest([{ topic, partition: 0, offset }], { waitMs })))
    const [part] = answer.parts
    return { error: part!.error, bytes: part!.records.length, end: part!.highWatermark }
  })

/** A failed start ends with status 1 and one line for the operator, without a stack trace. Returns the line. */
export async function startError(node: Broker, settings: Settings = {}): Promise<string> {
  const { code, printed } = await node.run(settings)
  expect(code, printed).toBe(1)
  const lines = printed.split('\n').filter((line) => line.startsWith('{'))
  const fatal = lines
    .map((line) => JSON.parse(line) as { level: string; msg: string; err?: unknown })
    .filter(({ level }) => level === 'fatal')
  expect(fatal, printed).toHaveLength(1)
  expect(fatal[0]!.err).toBeUndefined()
  expect(printed).not.toMatch(/^\s+at /m)
  return fatal[0]!.msg
}
