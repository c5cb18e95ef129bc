import { hostname } from 'node:os'
import type { HttpServer } from '../native-free-io/net/http.ts'
import { crashPoint } from '../native-free-io/process/crash-point.ts'
import type { Log } from '../native-free-io/process/logger.ts'
import { nodeTime } from '../native-free-io/process/node-time.ts'
import { meteredStore } from '../native-free-io/store/shared-store.ts'
import { StoreHealth } from '../native-free-io/store/store-health.ts'
import type { Pipeline } from '../native-free-io/threads/pipeline.ts'
import type { Address } from '../src/broker/cluster-view.ts'
import { advertisedAddresses } from '../src/config/advertised.ts'
import type { NodeConfigs } from '../src/config/node-configs.ts'
import { storeName } from '../src/config/store-uri.ts'
import type { Controller } from '../src/controller/controller.ts'
import type { FromNetwork } from '../src/network/thread-messages.ts'
import { Health } from '../src/node/health.ts'
import { type Service, Services } from '../src/node/services.ts'
import { faultText } from '../src/object-store/store-faults.ts'
import { RetentionTask } from '../src/storage/retention-task.ts'
import { WalMarks, walMark } from '../src/storage/wal-marks.ts'
import { nodeMetrics } from './metrics.ts'
import { type Founded, foundNode, type NodeInputs, randomEntropy } from './node/found.ts'
import { type NetworkRequests, networkRequests } from './node/network-requests.ts'
import { openBroker } from './node/open-broker.ts'
import { openHttp } from './node/open-http.ts'
import { openNodeMetadata, startMetadata } from './node/open-metadata.ts'
import { clientListeners, openPipeline } from './node/open-pipeline.ts'
import { openStorage } from './node/open-storage.ts'

const producerSweepMs = 60_000
/** Maximum time in a stop for uploads of records that are only in the WAL. */
const drainMs = 20_000
/** Maximum time in a stop for the last mark in the metadata log. */
const lastMarkMs = 3000

export interface Node {
  readonly clusterId: string
  /** Bound addresses of the listeners. */
  readonly addresses: readonly (Address & { readonly name: string })[]
  readonly pipeline: Pipeline
  readonly controller: Controller
  /** Finishes the work in progress, and releases the folder. */
  stop(): Promise<void>
}

/** Starts a node on its folder. `fail` is called with the error that ends the node: the process must stop at once. */
export async function startNode(configs: NodeConfigs, log: Log, fail: (why: string, error: Error) => void): Promise<Node> {
  const inputs: NodeInputs = { configs, log, entropy: randomEntropy, fail }
  const founded = await foundNode(inputs)
  const built = await build(inputs, founded).catch((error: unknown) => {
    founded.release()
    throw error
  })
  await built.services.start()
  return built
}

/** Builds the parts of a node, in the order of their dependencies. No client is accepted before the services start. */
async function build(inputs: NodeInputs, founded: Founded): Promise<Node & { readonly services: Services }> {
  const { configs, log, fail } = inputs
  const { settings } = configs
  const { identity, logs, room } = founded
  const storeHealth = openStoreHealth(log, founded)
  const checked = storeHealth.check()
  // Awaited below, while the WAL is recovered.
  checked.catch(() => {})

  // The network threads send messages as soon as they start; clients are served once the services have started.
  const early: FromNetwork[] = []
  let receive = (message: FromNetwork): void => void early.push(message)
  const pipeline = await openPipeline(inputs, founded, (message) => receive(message))
  const opened = await openStorage(inputs, founded, pipeline, storeHealth)
  const { storage, jobs } = opened
  const metadata = await openNodeMetadata(inputs, founded, pipeline, opened)
  const { controller, objects } = metadata
  const { broker, cluster, groups, advertised } = openBroker(inputs, founded, pipeline, opened, metadata)
  await startMetadata(inputs, founded, pipeline, metadata, opened)
  const requests = networkRequests(broker, storage, pipeline, log)
  receive = (message) => requests[message.type as keyof NetworkRequests](message as never)
  for (const message of early) receive(message)

  const clients = clientListeners(settings)
  const advertise = (bound: ReadonlyMap<string, number>): void => {
    for (const [name, address] of advertisedAddresses(settings, bound, hostname())) advertised.set(name, address)
  }
  const addresses: (Address & { name: string })[] = []
  const marks = new WalMarks(pipeline, objects, nodeTime, (error) => fail('the metadata log', error))
  const retention = new RetentionTask({
    settings,
    metadata: objects,
    lane: pipeline,
    objects: storage.objects,
    time: nodeTime,
    onStep: crashPoint,
    onCut: (partitionId, offset) => log.debug({ partitionId, offset }, 'removed records by retention'),
    onFailure: (error) => fail('retention', error),
  })
  const health = new Health({
    now: () => performance.now(),
    every,
    lane: {
      get published() {
        return pipeline.published
      },
      get durable() {
        return pipeline.durable
      },
      get isDiskFull() {
        return room.waiting > 0
      },
      ping: () => pipeline.ask({ type: 'offsets', partitionId: 0 }),
    },
  })
  const metrics = nodeMetrics({
    pipeline,
    cluster,
    storageImage: metadata.follower.image.storage,
    room,
    storage,
    meters: [founded.meter, ...logs.meters, ...jobs.meters],
    groups,
  })
  let isServing = false
  let http: HttpServer | undefined

  const services = new Services(
    [
      { name: 'data folder', stop: () => founded.release() },
      { name: 'logs', stop: () => logs.close() },
      { name: 'object workers', stop: () => jobs.close() },
      { name: 'pipeline threads', stop: () => pipeline.close() },
      // An unavailable store must not delay the stop: durable records are kept in any case.
      { name: 'last mark of the WAL', stop: () => within(lastMarkMs, objects.markWal(walMark(pipeline))) },
      { name: 'pipeline', stop: () => pipeline.stop() },
      { name: 'marks of the WAL', start: () => (logs.wal.type === 'file' ? marks.start() : undefined), stop: () => marks.stop() },
      { name: 'storage engine', start: () => storage.start(objects), stop: () => storage.stop() },
      { name: 'uploads at the stop', stop: () => storage.drain(drainMs) },
      { name: 'retention', start: () => retention.start(), stop: () => retention.stop() },
      { name: 'group coordinator', start: () => groups.start() },
      expiry(pipeline, () => Date.now() - settings['producer.id.expiration.ms']),
      {
        name: 'object store check',
        async start() {
          const late = await checked
          if (late === undefined) return
          log.warn({ store: storeName(founded.location) }, `the object store does not take objects yet: ${faultText(late)}`)
        },
        stop: () => storeHealth.stop(),
      },
      { name: 'disk check', stop: () => room.close() },
      {
        name: 'listeners',
        async start() {
          advertise(new Map())
          const ports = await pipeline.listen()
          addresses.push(...clients.map(({ name, host }, index) => ({ name, host, port: ports[index]! })))
          advertise(new Map(addresses.map(({ name, port }) => [name, port])))
        },
      },
      { name: 'health', start: () => health.start(), stop: () => health.stop() },
      {
        name: 'HTTP endpoint',
        async start() {
          const listener = settings['metrics.listener']
          if (listener === null) return
          http = await openHttp(configs.given.has('metrics.listener'), log, {
            ...listener,
            metrics: () => metrics.text(),
            problems: () => health.problems,
            isReady: () => isServing && !storeHealth.isRefused,
          })
          log.info({ host: listener.host, port: http.port }, 'serving metrics')
        },
        stop: () => http?.close(),
      },
      {
        name: 'readiness',
        start: () => {
          isServing = true
        },
        stop: () => {
          isServing = false
        },
      },
    ],
    (name, error) => log.error({ err: error }, `${name}: the stop failed`),
  )
  return { clusterId: identity.clusterId, addresses, pipeline, controller, services, stop: () => services.stop() }
}

const openStoreHealth = (log: Log, { location, meter, identity }: Founded): StoreHealth =>
  new StoreHealth({
    location,
    open: () => meteredStore(location, meter),
    prefix: `${identity.clusterId}/probe/${identity.nodeId}`,
    onChange: (refused, detail) =>
      refused
        ? log.error({ store: storeName(location) }, `s3.data.buckets: the store refuses, and the node is not ready: ${detail}`)
        : log.info({ store: storeName(location) }, 'the store takes objects again'),
  })

/** Removes the state of producers that have been idle. `before`: milliseconds since 1970. */
function expiry(pipeline: Pipeline, before: () => number): Service {
  let end = (): void => {}
  return {
    name: 'expiry of producers',
    start() {
      end = every(producerSweepMs, () => void pipeline.ask({ type: 'expireProducers', before: before() }))
    },
    stop: () => end(),
  }
}

/** An unref'ed timer. */
function every(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms).unref()
  return () => clearInterval(timer)
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
