import { get, request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type HttpServer, serveHttp } from '../../../../native-free-io/net/http.ts'
import { addProcessMetrics } from '../../../../native-free-io/process/process-metrics.ts'
import { ClusterView } from '../../../../src/broker/cluster-view.ts'
import { addBrokerMetrics } from '../../../../src/broker/metrics.ts'
import { Registry } from '../../../../src/metrics/registry.ts'
import { stageTable } from '../../../../src/metrics/rows.ts'
import { controllerWorld } from '../../controller/world.ts'

let server: HttpServer
afterEach(() => server.close())

interface Answer {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly body: string
}
const fetched = (path: string, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: server.port, path, method }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += String(chunk)
      })
      response.on('end', () => resolve({ status: response.statusCode, type: response.headers['content-type'], body }))
    })
    sent.on('error', reject).end()
  })

async function serve(registry: Registry, parts: { problems?: () => string[]; isReady?: () => boolean } = {}): Promise<void> {
  server = await serveHttp({
    host: '127.0.0.1',
    port: 0,
    metrics: () => registry.text(),
    problems: () => [],
    isReady: () => true,
    ...parts,
  })
}

test('HTTP: metrics have the names that dashboards use', async () => {
  const { controller, follower, host } = await controllerWorld()
  const topic = { name: 'a', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions: 3, replicationFactor: 1, assignments: [], configs: [] }
  await controller.request({ type: 'createTopics', topics: [topic], validateOnly: false })
  const registry = new Registry()
  registry.block(stageTable('sequencer', { records: 'Records.', bytes: 'Bytes.' }), Float64Array.of(5, 600))
  addBrokerMetrics(registry, new ClusterView({ nodeId: 1, rack: null, follower, host, advertised: new Map() }))
  addProcessMetrics(registry)
  await serve(registry)
  const { status, type, body } = await fetched('/metrics?x=1')
  expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  for (const line of [
    'millrace_stage_sequencer_bytes_total 600',
    'kafka_server_brokertopicmetrics_messagesin_total 5',
    'kafka_server_brokertopicmetrics_bytesin_total 600',
    'kafka_server_replicamanager_partitioncount 3',
    'kafka_topic_partitions{topic="a"} 3',
    'kafka_controller_kafkacontroller_offlinepartitionscount 0',
  ]) {
    expect(body.split('\n')).toContain(line)
  }
  expect(Number(/^process_resident_memory_bytes (\d+)$/m.exec(body)![1])).toBeGreaterThan(1e6)
  for (const line of body.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) \S+ .*|[a-z_0-9]+(\{.*\})? \S+)$/)
})

test('HTTP: health and readiness are two questions', async () => {
  let ready = false
  await serve(new Registry(), { isReady: () => ready })
  expect([(await fetched('/healthz')).status, (await fetched('/readyz')).status]).toEqual([200, 503])
  ready = true
  expect((await fetched('/readyz')).status).toBe(200)
})

test('HTTP endpoint: /healthz is 503 and names the problems while there are any', async () => {
  const problems: string[] = []
  await serve(new Registry(), { problems: () => problems })
  expect(await fetched('/healthz')).toMatchObject({ status: 200, body: 'alive\n' })
  problems.push('one thing', 'another')
  expect(await fetched('/healthz')).toMatchObject({ status: 503, body: 'not alive: one thing; another\n' })
})

test('HTTP: nothing else is served, and nothing is changed', async () => {
  await serve(new Registry())
  expect([(await fetched('/')).status, (await fetched('/metrics/../x')).status, (await fetched('/metrics', 'POST')).status]).toEqual([
    404, 404, 405,
  ])
})

test('HTTP: what is no HTTP is cut off, and the next is served', async () => {
  await serve(new Registry())
  await new Promise<void>((resolve) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write('\0\0\0\x10 this is Kafka\r\n\r\n'))
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
  expect((await fetched('/healthz')).status).toBe(200)
})

test('HTTP: a port that is taken is an error of the start', async () => {
  await serve(new Registry())
  const parts = { host: '127.0.0.1', port: server.port, metrics: () => '', problems: () => [], isReady: () => true }
  await expect(serveHttp(parts)).rejects.toThrow(/EADDRINUSE/)
  await new Promise((resolve) =>
    get({ host: '127.0.0.1', port: server.port, path: '/' }, (response) => response.resume().on('end', resolve)),
  )
})
