import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../src/wire/api/32-describe-configs.ts'
import { readAll } from '../support/admin.ts'
import { type Broker, freePorts, startBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { JavaProcess } from '../support/java-process.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { WireClient } from '../support/wire-client.ts'

const limitMs = 240_000
const waitMs = 60_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Kafka Connect, ${missing}`)

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i} ${'x'.repeat((from + i) % 50)}\n`).join('')
const content = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')

/** Looks until it is so, for a minute. */
async function until(what: string, isSo: () => boolean | Promise<boolean>, log: () => string): Promise<void> {
  for (const end = performance.now() + waitMs; !(await isSo()); await pause(50)) {
    if (performance.now() > end) throw new Error(`not in a minute: ${what}\n${log().slice(-4000)}`)
  }
}

describe.runIf(missing === null)('connect: Kafka Connect:', () => {
  let broker: Broker
  let folder: string
  const properties = (name: string, rows: Readonly<Record<string, string>>): string => {
    const path = join(folder, `${name}.properties`)
    writeFileSync(
      path,
      Object.entries(rows)
        .map((row) => `${row.join('=')}\n`)
        .join(''),
    )
    return path
  }
  const worker = (port: number): Record<string, string> => ({
    'bootstrap.servers': broker.address,
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'offset.flush.interval.ms': '1000',
    'plugin.discovery': 'service_load',
    listeners: `http://127.0.0.1:${port}`,
  })

  beforeAll(async () => {
    broker = await startBroker({ settings: { 'group.initial.rebalance.delay.ms': '0' } })
    folder = mkdtempSync(join(tmpdir(), 'connect-'))
  }, limitMs)
  afterAll(async () => {
    await broker?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  test('standalone copies a file through a topic, byte for byte, and continues at its offset', long(limitMs), async () => {
    const [input, output] = [join(folder, 'in.txt'), join(folder, 'out.txt')]
    writeFileSync(input, lines(0, 1000))
    const [port] = await freePorts(1)
    const files = [
      properties('worker', { ...worker(port!), 'offset.storage.file.filename': join(folder, 'offsets') }),
      properties('source', { name: 'source', 'connector.class': 'FileStreamSource', file: input, topic: 'lines' }),
      properties('sink', { name: 'sink', 'connector.class': 'FileStreamSink', file: output, topics: 'lines' }),
    ]
    for (const more of ['', lines(1000, 1500)]) {
      appendFileSync(input, more)
      const connect = new JavaProcess('org.apache.kafka.connect.cli.ConnectStandalone', files)
      try {
        await until(
          'the copy is whole',
          () => content(output).length >= content(input).length,
          () => connect.log,
        )
        expect(content(output)).toBe(content(input))
      } finally {
        await connect.stop()
      }
    }
  })

  test('distributed moves the tasks of a worker that died, and continues after all have stopped', long(limitMs), async () => {
    const [input, output] = [join(folder, 'moving.txt'), join(folder, 'moved.txt')]
    const storage = ['config', 'offset', 'status'].flatMap((kind) => [
      [`${kind}.storage.topic`, `connect-${kind}`],
      [`${kind}.storage.replication.factor`, '1'],
    ])
    const group = {
      'group.id': 'connect',
      'scheduled.rebalance.max.delay.ms': '0',
      'session.timeout.ms': '6000',
      'heartbeat.interval.ms': '1500',
    }
    const workers = new Map<number, JavaProcess>()
    const log = (): string => [...workers.values()].map((each) => each.log).join('\n')
    const start = (port: number): void => {
      const path = properties(`worker-${port}`, { ...worker(port), ...group, ...Object.fromEntries(storage) })
      workers.set(port, new JavaProcess('org.apache.kafka.connect.cli.ConnectDistributed', [path]))
    }
    const call = async (path: string, init?: RequestInit): Promise<Response> =>
      fetch(`http://127.0.0.1:${[...workers.keys()][0]}${path}`, { ...init, headers: { 'content-type': 'application/json' } })
    const create = async (name: string, config: Readonly<Record<string, string>>): Promise<boolean> => {
      const answer = await call('/connectors', { method: 'POST', body: JSON.stringify({ name, config }) }).catch(() => undefined)
      return answer?.status === 201 || answer?.status === 409
    }
    /** Where the only task of a connector runs; undefined while it does not. */
    const place = async (name: string): Promise<number | undefined> => {
      const answer = await call(`/connectors/${name}/status`).catch(() => undefined)
      if (answer?.status !== 200) return undefined
      const { tasks } = (await answer.json()) as { tasks: { state: string; worker_id: string }[] }
      const port = Number(tasks[0]?.worker_id.split(':')[1])
      return tasks[0]?.state === 'RUNNING' && workers.has(port) ? port : undefined
    }
    const copied = (what: string): Promise<void> =>
      until(
        what,
        async () => {
          const seen = new Set(content(output).split('\n'))
          return content(input)
            .split('\n')
            .every((line) => seen.has(line))
        },
        log,
      )

    try {
      const [first, second, third] = await freePorts(3)
      start(first!)
      start(second!)
      writeFileSync(input, lines(0, 500))
      const source = { 'connector.class': 'FileStreamSource', file: input, topic: 'moving' }
      await until('the source is taken', () => create('source', source), log)
      await until('the sink is taken', () => create('sink', { 'connector.class': 'FileStreamSink', file: output, topics: 'moving' }), log)
      await copied('the first lines are there')

      const port = (await place('source'))!
      await workers.get(port)!.kill()
      workers.delete(port)
      appendFileSync(input, lines(500, 1000))
      await copied('the lines after a worker died are there')
      await until(
        'its tasks run on the other',
        async () => (await place('source')) !== undefined && (await place('sink')) !== undefined,
        log,
      )

      for (const each of workers.values()) await each.stop()
      workers.clear()
      const before = await connected(broker.port, (connection) => readAll(connection, 'moving', 0))
      appendFileSync(input, lines(1000, 1200))
      start(third!)
      await copied('the lines after a restart are there')
      // Offsets were committed when it stopped: nothing is read a second time.
      const after = await connected(broker.port, (connection) => readAll(connection, 'moving', 0))
      expect(
        after
          .slice(before.length)
          .map(({ value }) => `${value}\n`)
          .join(''),
      ).toBe(lines(1000, 1200))
    } finally {
      for (const each of workers.values()) await each.stop()
    }
    expect(await policies(broker.port, ['connect-config', 'connect-offset', 'connect-status'])).toEqual(['compact', 'compact', 'compact'])
  })
})

async function policies(port: number, topics: readonly string[]): Promise<(string | null)[]> {
  const client = await WireClient.open(port)
  try {
    const resources = topics.map((resourceName) => ({ resourceType: 2, resourceName, configurationKeys: ['cleanup.policy'] }))
    const { results } = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, { resources })
    return results.map(({ configs }) => configs[0]!.value)
  } finally {
    client.close()
  }
}
