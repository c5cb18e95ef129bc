import { randomBytes } from 'node:crypto'
import { availableParallelism, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { volumeSpace } from '../native-free-io/disk/data-folder.ts'
import { DiskRoom } from '../native-free-io/disk/disk-room.ts'
import { checkFolder } from '../native-free-io/disk/folders.ts'
import { type FoundedNode, openNode } from '../native-free-io/disk/founding.ts'
import { hasLost, producersOf, recordLoss } from '../native-free-io/disk/lost-records.ts'
import { NotedLog } from '../native-free-io/disk/noted-log.ts'
import { roomFor } from '../native-free-io/disk/wal-room.ts'
import { tooManyFiles } from '../native-free-io/net/connection-table.ts'
import { type HttpParts, type HttpServer, serveHttp } from '../native-free-io/net/http.ts'
import { crashPoint } from '../native-free-io/process/crash-point.ts'
import { filesMax, ownFiles } from '../native-free-io/process/file-limit.ts'
import type { Log } from '../native-free-io/process/logger.ts'
import { nodeTime } from '../native-free-io/process/node-time.ts'
import { folderAdvice } from '../native-free-io/process/start-checks.ts'
import { step, systemReason } from '../native-free-io/process/start-failure.ts'
import { StartRefused } from '../native-free-io/process/start-refused.ts'
import { type BudgetData, budgetFor, meteredStore, newMeter } from '../native-free-io/store/shared-store.ts'
import { StoreHealth } from '../native-free-io/store/store-health.ts'
import { createBlockMemory } from '../native-free-io/threads/block-memory.ts'
import { nodeCodecs } from '../native-free-io/threads/codecs.ts'
import { compileExpression } from '../native-free-io/threads/expressions.ts'
import { ObjectWorkers } from '../native-free-io/threads/object-workers.ts'
import { Pipeline } from '../native-free-io/threads/pipeline.ts'
import { decodingModule } from '../native-free-io/threads/validation-module.ts'
import { Broker } from '../src/broker/broker.ts'
import type { Address } from '../src/broker/context.ts'
import { followTopics, offsetsTopicCreation } from '../src/broker/offsets-topic.ts'
import { advertisedAddresses } from '../src/config/advertised.ts'
import { isUnknownBrokerConfig } from '../src/config/broker-configs.ts'
import { resourceType } from '../src/config/config-entry.ts'
import type { NodeConfigs } from '../src/config/node-configs.ts'
import { controllerNames } from '../src/config/relations.ts'
import type { Settings } from '../src/config/settings.ts'
import { storeName } from '../src/config/store-uri.ts'
import { cleanupSettings, topicConfigComplaint } from '../src/config/topic-configs.ts'
import type { WalUri } from '../src/config/wal-uri.ts'
import { Controller } from '../src/controller/controller.ts'
import { storageImage, storageMetadata } from '../src/controller/storage-metadata.ts'
import { GroupCoordinator } from '../src/group/coordinator.ts'
import { configsOf } from '../src/metadata/image.ts'
import { largeRequestBytes } from '../src/network/request-limits.ts'
import type { ConnectionLimits, FromNetwork } from '../src/network/thread-messages.ts'
import { faultText } from '../src/object-store/store-faults.ts'
import { ObjectKeys } from '../src/objects/object-key.ts'
import { isInline, validationThreads } from '../src/pipeline/stages.ts'
import type { Loaded } from '../src/ports/cold-reads.ts'
import type { StoreLocation } from '../src/ports/object-store.ts'
import type { Entropy } from '../src/ports/world.ts'
import { LanePartitionLog } from '../src/storage/coordinator-log.ts'
import type { CleanerSettings } from '../src/storage/log-cleaner.ts'
import { MetadataOutdated } from '../src/storage/object-gc.ts'
import { ObjectStorage, storageRules } from '../src/storage/object-storage.ts'
import { LanePartitions } from '../src/storage/partitions.ts'
import { RetentionTask } from '../src/storage/retention-task.ts'
import { TimeSearch } from '../src/storage/time-search.ts'
import { WalMarks, walMark } from '../src/storage/wal-marks.ts'
import { errors } from '../src/wire/errors.ts'
import { nodeMetrics } from './metrics.ts'

const backlog = 512
const producerSweepMs = 60_000
/** Maximum time in a stop for uploads of records that are only in the WAL. */
const drainMs = 20_000
/** Maximum time in a stop for the last mark in the metadata log. */
const lastMarkMs = 3000
/** Maximum memory for the keys of one compaction, as in Kafka, regardless of the setting. */
const cleanerBytesMax = 2 ** 31 - 1
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
const here = new URL('./', import.meta.url)

/** A monotonic clock that starts at the wall clock: a change of the wall clock does not end sessions. */
const evenClock = { now: () => Math.round(performance.timeOrigin + performance.now()) }

/** Null: no compaction by key. The other settings may change while the node runs. */
const cleanerSettings = (settings: Settings): CleanerSettings | null =>
  settings['log.cleaner.enable']
    ? {
        backoffMs: () => Number(settings['log.cleaner.backoff.ms']),
        bufferBytes: () => Math.min(Number(settings['log.cleaner.dedupe.buffer.size']), cleanerBytesMax),
        limitsOf: (configs) => cleanupSettings(configs, settings),
      }
    : null

/** An unref'ed timer. */
function after(ms: number, wake: () => void): () => void {
  const timer = setTimeout(wake, ms).unref()
  return () => clearTimeout(timer)
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** A default port that is in use may be replaced by another one. */
async function openMetrics(isGiven: boolean, log: Log, parts: HttpParts): Promise<HttpServer> {
  const address = `http://${parts.host}:${parts.port}`
  try {
    return await serveHttp(parts)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = systemReason(error) ?? message
    if (isGiven) {
      const advice = 'Set metrics.listener to a free port, or to nothing for no metrics.'
      throw new StartRefused(`metrics.listener = ${address} cannot be opened: ${reason} (${code}). ${advice}`)
    }
    const other = await serveHttp({ ...parts, port: 0 })
    log.warn({ port: other.port }, `metrics.listener: the default ${address} cannot be opened: ${reason}; metrics are on another port`)
    return other
  }
}

/** A WAL of default size is reduced to the free space of the disk. */
function walThatFits({ settings, given }: NodeConfigs, folder: string, log: Log): WalUri {
  const wal = settings['s3.wal.path']
  if (wal.scheme !== 'file') return wal
  const path = wal.path ?? join(folder, 'wal', 'lane-0.wal')
  const capacity = roomFor({
    path,
    capacity: wal.capacityBytes,
    isDefault: !given.has('s3.wal.path'),
    logBytes: settings['s3.wal.cache.size'],
  })
  if (capacity === wal.capacityBytes) return wal
  log.warn({ capacity, path }, 's3.wal.path is not set, and its default capacity does not fit the disk: the write-ahead log is smaller')
  return { ...wal, capacityBytes: capacity }
}

/** Infinite if the system does not provide the limit. */
function connectionsByFiles(): number {
  const most = filesMax()
  return Number.isNaN(most) ? Number.POSITIVE_INFINITY : most - ownFiles
}

const connectionLimits = (settings: Settings): ConnectionLimits => ({
  max: settings['max.connections'],
  filesMax: connectionsByFiles(),
  perHostMax: settings['max.connections.per.ip'],
  hosts: settings['max.connections.per.ip.overrides'],
})

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
  const { settings } = configs
  const entropy = { bytes: (count: number) => randomBytes(count) }
  const path = resolve(settings['log.dirs'][0]!)
  const location: StoreLocation = settings['s3.data.buckets'] ?? { scheme: 'file', folder: join(path, 'objects') }
  await step(`log.dirs = ${path} cannot be used`, folderAdvice('log.dirs'), () => checkFolder(path))
  if (location.scheme === 'file') {
    const { folder } = location
    await step(`s3.data.buckets: file://${folder} cannot be used`, folderAdvice('s3.data.buckets'), () => checkFolder(folder))
  }
  const wal = walThatFits(configs, path, log)
  const stores = wal.scheme === 'file' ? [location] : [location, wal.location]
  const budget = budgetFor(stores, settings['s3.network.baseline.bandwidth'])
  const deleteRetentionMs = settings['s3.object.delete.retention.minutes'] * 60_000
  const room = new DiskRoom((what, isFull) => {
    if (isFull) log.error({ path: what }, 'the disk is full: no room to write; trying again until there is')
    else log.info({ path: what }, 'there is room on the disk again')
  })
  const meter = newMeter()
  const founded = await openNode({
    wal,
    folder: path,
    nodeId: settings['node.id'],
    clusterId: settings['cluster.id'],
    location,
    meter,
    logBytes: settings['s3.wal.cache.size'],
    options: {
      formatWal: settings['s3.wal.format'],
      acceptLoss: settings['s3.wal.loss.accept'],
      replaceFounding: settings['s3.data.founding.replace'],
    },
    keepMs: deleteRetentionMs,
    budget,
    entropy,
    log,
    room,
    onFault: (fault) =>
      log.warn({ logs: wal.scheme === 'file' ? wal.path : storeName(wal.location) }, `the store fails: ${faultText(fault)}`),
    onFailure: (error) => fail('the metadata log', error),
  })
  return startFounded(founded, configs, { location, meter, budget, deleteRetentionMs, entropy, room }, log, fail).catch(
    (error: unknown) => {
      founded.release()
      throw error
    },
  )
}

interface Around {
  readonly location: StoreLocation
  /** Counters of the requests that the main thread sends to the store. */
  readonly meter: Float64Array
  readonly budget: BudgetData | null
  readonly deleteRetentionMs: number
  readonly entropy: Entropy
  readonly room: DiskRoom
}

async function startFounded(
  founded: FoundedNode,
  configs: NodeConfigs,
  { location, meter, budget, deleteRetentionMs, entropy, room }: Around,
  log: Log,
  fail: (why: string, error: Error) => void,
): Promise<Node> {
  const { settings } = configs
  const { folder, identity, logs, image } = founded
  if (logs.tornBytes > 0) log.warn({ bytes: logs.tornBytes }, 'the metadata log ended in a write that a crash cut off')

  const health = new StoreHealth({
    location,
    open: () => meteredStore(location, meter),
    prefix: `${identity.clusterId}/probe`,
    onChange: (refused, detail) =>
      refused
        ? log.error({ store: storeName(location) }, `s3.data.buckets: the store refuses, and the node is not ready: ${detail}`)
        : log.info({ store: storeName(location) }, 'the store takes objects again'),
  })
  const checked = health.check()
  // Awaited below, while the WAL is recovered.
  checked.catch(() => {})

  const clients = settings.listeners.filter(({ name }) => !controllerNames(settings).includes(name))
  const pipeline = await Pipeline.start({
    workers: { folder: here, extension },
    wal: logs.wal,
    lost: image.lost,
    recovery: { mark: image.wal ?? undefined, discardsDamage: settings['s3.wal.loss.accept'] },
    logBytes: settings['s3.wal.cache.size'],
    receiveBytes: settings['queued.max.requests.size.bytes'],
    inline: isInline(settings['sequencer.thread'], availableParallelism()),
    validation: {
      enabled: settings['compressed.record.validation.enable'],
      threads: validationThreads(settings['num.validation.threads'], availableParallelism()),
    },
    listeners: clients,
    limits: {
      requestBytesMax: settings['socket.request.max.bytes'],
      fetchBytesMax: settings['fetch.max.bytes'],
      sessionSlots: settings['max.incremental.fetch.session.cache.slots'],
      connections: connectionLimits(settings),
      idleMs: Number(settings['connections.max.idle.ms']),
      backlog,
    },
    onNetwork: (message) => hear[message.type](message as never),
    onFull: (isFull) => room.note(logs.wal.type === 'file' ? logs.wal.target.path : 's3.wal.path', isFull),
    onFailure: (thread, error) => fail(`the ${thread} thread`, error),
  })
  const { records, bytes, milliseconds, direct, tornBytes } = pipeline.recovery
  log.info({ records, bytes, milliseconds: Math.round(milliseconds) }, 'recovered the write-ahead log')
  if (tornBytes > 0)
    log.warn({ bytes: tornBytes }, 'the write-ahead log ended in an incomplete write, which was not acknowledged: removed it')
  if (!direct) log.warn('the file system has no direct I/O: the write-ahead log is written through the page cache, with fdatasync')

  const keys = new ObjectKeys({ ...identity, firstObjectId: image.founding?.firstObjectId ?? image.nextObjectId })
  const blocks = createBlockMemory(settings['s3.block.cache.size'])
  const worker = fileURLToPath(new URL(`object${extension}`, here))
  const jobs = new ObjectWorkers({ worker, location, keys, budget, blocks: blocks.memory, pipeline })
  pipeline.tellNetwork({ type: 'blocks', memory: blocks.memory })
  const storage = new ObjectStorage({
    keys,
    lane: pipeline,
    jobs,
    memory: blocks,
    image: storageImage(image),
    time: nodeTime,
    rules: storageRules(location, pipeline.wal.state.capacity, {
      thresholdBytes: settings['s3.wal.upload.threshold'],
      intervalMs: settings['s3.wal.upload.interval.ms'],
    }),
    deleteRetentionMs,
    producers: logs.producers,
    confirm: logs.confirm,
    cleaner: cleanerSettings(settings),
    onEvent: {
      stored: (objectId, bytes) => log.debug({ objectId, bytes }, 'stored an object'),
      removed: (why, count) => log.debug({ why, count }, 'removed objects'),
      compacted: (replaced, outputs, bytes) => log.debug({ replaced, outputs, bytes }, 'compacted objects'),
      cleaned: (partitionId, read, written) => log.debug({ partitionId, read, written }, 'compacted a partition by key'),
      fault: (fault) => {
        health.noticed(fault)
        log.warn({ store: storeName(location) }, `the object store fails: ${faultText(fault)}`)
      },
      missing: (error) => log.error(error.message),
      pressed: () => pipeline.tellNetwork({ type: 'pressed' }),
      step: crashPoint,
      failed: (error) => fail('the object storage', error instanceof MetadataOutdated ? new StartRefused(error.message) : error),
    },
  })
  const isLossy = hasLost(founded, pipeline, settings, log)
  const producers = await producersOf(founded, pipeline, settings['s3.wal.loss.accept'])
  const times = new TimeSearch({
    decoder: decodingModule(),
    largeWindow: pipeline.largeWindow,
    monotonic: nodeTime.monotonic,
    nextTurn: () => new Promise(setImmediate),
  })
  const partitions = new LanePartitions(pipeline, storage, producers, times)
  const controllerNode = { nodeId: settings['node.id'], configs }
  const metadata = new NotedLog(logs.metadata, image.recordCount, (records) => pipeline.note(records))
  const controller = new Controller(controllerNode, image, metadata, partitions, (error) => fail('the controller', error))
  const objects = storageMetadata(controller)
  crashPoint('log opened')
  if (founded.firstRecords.length > 0) await controller.ask({ type: 'record', records: founded.firstRecords })
  crashPoint('founding recorded')
  await founded.finish()

  const groups = new GroupCoordinator({
    settings,
    createOffsetsTopic: offsetsTopicCreation(controller, settings, entropy),
    topicIdOf: (topic) => controller.image.topics.get(topic)?.topicId,
    groupConfigs: (groupId) => configsOf(controller.image, resourceType.group, groupId),
    log: new LanePartitionLog(pipeline, storage, nodeTime),
    codecs: nodeCodecs,
    compileExpression,
    clock: evenClock,
    after,
    failed: (error) => fail('the group coordinator', error),
  })
  const advertised = new Map<string, Address>()
  const broker = new Broker(
    {
      nodeId: settings['node.id'],
      clusterId: identity.clusterId,
      settings,
      configs,
      controller,
      partitions,
      groups,
      entropy,
      compileExpression,
      clock: { now: Date.now },
      volume: { path: folder.path, space: () => volumeSpace(folder.path) },
      advertised,
    },
    (error) => log.error({ err: error }, 'a request met a bug'),
  )
  broker.onTopicsChanged((topic) => {
    const { name, topicId, partitions } = topic
    if (topic.change === 'deleted') pipeline.route([], [topicId])
    else pipeline.route([{ name, topicId, partitionIds: partitions, settings: topic.settings }], [])
    followTopics(groups, topic)
  })
  const unknownTold = new Set<string>()
  const tellUnknown = (): void => {
    const names = configs.dynamicNames.filter((name) => isUnknownBrokerConfig(name) && !unknownTold.has(name))
    for (const name of names)
      log.warn({ name }, `the broker config ${name} is neither Kafka's nor Millrace's: it is kept, and has no effect`)
    for (const name of names) unknownTold.add(name)
  }
  configs.onFollowed(tellUnknown)
  configs.onFollowed(() => pipeline.tellNetwork({ type: 'limits', connections: connectionLimits(settings) }))
  await controller.start()
  if (isLossy) await recordLoss(pipeline, controller, partitions, log)
  else await objects.markWal(walMark(pipeline))
  await founded.noteStart(pipeline.wal.state.incarnation)
  for (const { name, configs: own } of image.topics.values()) {
    const complaint = topicConfigComplaint(own, settings)
    if (complaint !== undefined) log.warn({ topic: name }, `topic ${name}: ${complaint}; larger batches are refused`)
  }

  let hasRefused = false
  type Heard = { readonly [M in FromNetwork as M['type']]: (message: M) => void }
  const hear: Pick<Heard, 'forward' | 'load' | 'gaveBack' | 'closed' | 'readsCopied'> = {
    forward: ({ token, session, frame }) => {
      void broker.handle(session, frame).then((answer) => {
        if (answer.type === 'close') log.debug({ because: answer.because }, 'closing a connection')
        pipeline.tellNetwork({ type: 'answered', token, response: answer.type === 'respond' ? answer.bytes : null })
      })
      // A request is parsed before the first wait in `handle`.
      if (frame.length > largeRequestBytes) pipeline.tellNetwork({ type: 'parsed', bytes: frame.length })
    },
    load: ({ token, index, load: wanted }) => {
      const answer = (loaded: Loaded | null, error: number): void =>
        pipeline.tellNetwork(
          { type: 'loaded', token, index, loaded, error },
          loaded !== null && 'bytes' in loaded ? [loaded.bytes.buffer] : [],
        )
      storage.load(wanted).then(
        (loaded) => {
          if (loaded === 'outOfMemory') pipeline.tellNetwork({ type: 'outOfMemory', token, partitionRead: { index, load: wanted } })
          // A record that was overwritten during the read is in an object by now: the client fetches again.
          else answer(loaded ?? { pin: -1, ranges: [] }, 0)
        },
        (error: Error) => {
          log.error({ err: error }, 'old records could not be read')
          answer(null, errors.KAFKA_STORAGE_ERROR.code)
        },
      )
    },
    gaveBack: ({ pin }) => storage.giveBack(pin),
    readsCopied: ({ because }) => log.warn({ because }, 'received bytes are copied: this version of Node fails the check of direct reads'),
    closed: ({ host, why }) => {
      const isFirst = why === tooManyFiles && !hasRefused
      hasRefused ||= isFirst
      if (isFirst) log.warn({ host, connections: connectionsByFiles(), filesMax: filesMax() }, `refused a connection: ${why}`)
      else log.debug({ host, why }, 'closed a connection')
    },
  }

  storage.start(objects)
  const marks = new WalMarks(pipeline, objects, nodeTime, (error) => fail('the metadata log', error))
  if (logs.wal.type === 'file') marks.start()
  const retention = new RetentionTask({
    settings,
    metadata: objects,
    lane: pipeline,
    objects: storage.objects,
    time: nodeTime,
    onStep: crashPoint,
    onCut: (partitionId, offset) => log.debug({ partitionId, offset }, 'old records are gone'),
    onFailure: (error) => fail('retention', error),
  })
  retention.start()
  groups.start()
  const expiry = setInterval(() => {
    void pipeline.ask({ type: 'expireProducers', before: Date.now() - settings['producer.id.expiration.ms'] })
  }, producerSweepMs)
  expiry.unref()

  const late = await checked
  if (late !== undefined) log.warn({ store: storeName(location) }, `the object store does not take objects yet: ${faultText(late)}`)

  const advertise = (bound: ReadonlyMap<string, number>): void => {
    for (const [name, address] of advertisedAddresses(settings, bound, hostname())) advertised.set(name, address)
  }
  advertise(new Map())
  const ports = await pipeline.listen()
  const addresses = clients.map(({ name, host }, index) => ({ name, host, port: ports[index]! }))
  advertise(new Map(addresses.map(({ name, port }) => [name, port])))

  let ready = true
  const metrics = nodeMetrics({ pipeline, controller, room, storage, meters: [meter, ...logs.meters, ...jobs.meters], groups })
  const listener = settings['metrics.listener']
  const http =
    listener === null
      ? undefined
      : await openMetrics(configs.given.has('metrics.listener'), log, {
          ...listener,
          metrics: () => metrics.text(),
          isAlive: () => true,
          isReady: () => ready && !health.isRefused,
        })
  if (http !== undefined) log.info({ host: listener!.host, port: http.port }, 'serving metrics')

  const stop = async (): Promise<void> => {
    ready = false
    room.close()
    clearInterval(expiry)
    await health.stop()
    await http?.close()
    await retention.stop()
    await storage.drain(drainMs)
    await storage.stop()
    await marks.stop()
    await pipeline.stop()
    // An unavailable store must not delay the stop: durable records are kept in any case.
    await within(lastMarkMs, objects.markWal(walMark(pipeline)))
    pipeline.close()
    await jobs.close()
    await logs.close()
    founded.release()
  }
  return { clusterId: identity.clusterId, addresses, pipeline, controller, stop }
}
