import type { Log } from '../native-free-io/process/logger.ts'
import { meteredStore } from '../native-free-io/store/shared-store.ts'
import { StoreHealth } from '../native-free-io/store/store-health.ts'
import type { NetworkMessage, Pipeline } from '../native-free-io/threads/pipeline.ts'
import type { NodeConfigs } from '../src/config/node-configs.ts'
import { storeName } from '../src/config/store-uri.ts'
import type { Controller } from '../src/controller/controller.ts'
import { Services } from '../src/node/services.ts'
import { nodeMetrics } from './metrics.ts'
import { changeLanes, hasOtherLanes } from './node/change-lanes.ts'
import { clientServices, type ListenerAddress, type Serving } from './node/client-services.ts'
import { type Founded, foundNode, type NodeInputs, randomEntropy } from './node/found.ts'
import { networkRequests } from './node/network-requests.ts'
import { openBroker } from './node/open-broker.ts'
import { openNodeMetadata, startMetadata } from './node/open-metadata.ts'
import { openPipeline } from './node/open-pipeline.ts'
import { openStorage } from './node/open-storage.ts'
import { storageServices } from './node/storage-services.ts'

export interface Node {
  readonly clusterId: string
  /** Bound addresses of the listeners. */
  readonly addresses: readonly ListenerAddress[]
  readonly pipeline: Pipeline
  readonly controller: Controller
  /** Finishes the work in progress, and releases the folder. */
  stop(): Promise<void>
}

/** Starts a node on its folder. `fail` is called with the error that ends the node: the process must stop at once. */
export async function startNode(configs: NodeConfigs, log: Log, fail: (why: string, error: Error) => void): Promise<Node> {
  const inputs: NodeInputs = { configs, log, entropy: randomEntropy, fail }
  const founded = await foundWithLanes(inputs)
  const built = await build(inputs, founded).catch((error: unknown) => {
    founded.release()
    throw error
  })
  await built.services.start()
  return built
}

/** The node with the number of lanes of the settings. */
async function foundWithLanes(inputs: NodeInputs): Promise<Founded> {
  const founded = await foundNode(inputs)
  if (!hasOtherLanes(inputs, founded)) return founded
  await changeLanes(inputs, founded, openStoreHealth(inputs.log, founded)).finally(() => founded.release())
  return foundNode(inputs)
}

/** Builds the parts of a node, in the order of their dependencies. No client is accepted before the services start. */
async function build(inputs: NodeInputs, founded: Founded): Promise<Node & { readonly services: Services }> {
  const { log } = inputs
  const health = openStoreHealth(log, founded)
  const checked = health.check()
  // Awaited by a service, while the WAL is recovered.
  checked.catch(() => {})

  // The network threads send messages as soon as they start; clients are served once the services have started.
  const early: (() => void)[] = []
  let receive = (thread: number, message: NetworkMessage): void => void early.push(() => receive(thread, message))
  const pipeline = await openPipeline(inputs, founded, (thread, message) => receive(thread, message))
  const opened = await openStorage(inputs, founded, pipeline, health)
  const { storage, jobs } = opened
  const metadata = await openNodeMetadata(inputs, founded, pipeline, opened)
  const { broker, cluster, groups, advertised } = openBroker(inputs, founded, pipeline, opened, metadata)
  await startMetadata(inputs, founded, pipeline, metadata, opened)
  const requests = networkRequests(broker, storage, pipeline, log)
  receive = (thread, message) => requests[message.type](message as never, thread)
  for (const pass of early) pass()

  const metrics = nodeMetrics({
    pipeline,
    cluster,
    storageImage: metadata.follower.image.storage,
    room: founded.room,
    storage,
    meters: [founded.meter, ...founded.logs.meters, ...jobs.meters],
    groups,
  })
  const serving: Serving = { addresses: [], advertised, isReady: false, hasServed: false }
  const services = new Services(
    [
      ...storageServices(inputs, founded, pipeline, opened, { metadata: metadata.objects, hasServed: () => serving.hasServed }),
      { name: 'group coordinator', start: () => groups.start() },
      ...clientServices(inputs, founded, pipeline, { health, checked }, { serving, metrics }),
    ],
    (name, error) => log.error({ err: error }, `failed to stop: ${name}`),
  )
  const { addresses } = serving
  const { clusterId } = founded.identity
  return { clusterId, addresses, pipeline, controller: metadata.controller, services, stop: () => services.stop() }
}

const openStoreHealth = (log: Log, { location, meter, identity }: Founded): StoreHealth =>
  new StoreHealth({
    location,
    open: () => meteredStore(location, meter),
    prefix: `${identity.clusterId}/probe/${identity.nodeId}`,
    onChange: (isRejecting, detail) =>
      isRejecting
        ? log.error({ store: storeName(location) }, `s3.data.buckets: the store refuses, and the node is not ready: ${detail}`)
        : log.info({ store: storeName(location) }, 'the store takes objects again'),
  })
