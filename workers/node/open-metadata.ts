import { recordLoss } from '../../native-free-io/disk/lost-records.ts'
import { NotedLog } from '../../native-free-io/disk/noted-log.ts'
import { crashPoint } from '../../native-free-io/process/crash-point.ts'
import type { Pipeline } from '../../native-free-io/threads/pipeline.ts'
import { isUnknownBrokerConfig } from '../../src/config/broker-configs.ts'
import { topicConfigError } from '../../src/config/topic-configs.ts'
import type { BrokerId } from '../../src/controller/commands.ts'
import { storageMetadata } from '../../src/controller/storage-metadata.ts'
import { replay } from '../../src/metadata/image.ts'
import { encodeRecord } from '../../src/metadata/records.ts'
import { type Metadata, openMetadata } from '../../src/node/metadata.ts'
import type { StorageMetadata } from '../../src/ports/storage-metadata.ts'
import { walMark } from '../../src/storage/wal-marks.ts'
import type { Founded, NodeInputs } from './found.ts'
import { connectionLimits } from './open-pipeline.ts'
import type { OpenedStorage } from './open-storage.ts'

export interface OpenedMetadata extends Metadata {
  /** This start of the broker. */
  readonly broker: BrokerId
  /** The metadata for the storage engine. */
  readonly objects: StorageMetadata
}

/** Opens the controller on the metadata log, completes the founding, and registers this start of the broker. */
export async function openNodeMetadata(
  { configs, fail }: NodeInputs,
  founded: Founded,
  pipeline: Pipeline,
  { partitions, lost }: OpenedStorage,
): Promise<OpenedMetadata> {
  const { image, logs, firstRecords } = founded
  // One superblock is enough.
  const log = new NotedLog(logs.metadata, image.recordCount, (records) => pipeline.lanes.all[0]!.note(records))
  crashPoint('log opened')
  if (firstRecords.length > 0) {
    await log.append(firstRecords.map(encodeRecord))
    for (const record of firstRecords) replay(image, record)
  }
  crashPoint('founding recorded')
  await founded.finish()
  const nodeId = configs.settings['node.id']
  const metadata = openMetadata({ nodeId, configs, image, log, partitions, failed: (error) => fail('the controller', error) })
  // Where records are lost, the mark that makes the new log valid is written together with the loss.
  const whole = pipeline.lanes.all.filter((lane) => !lost.includes(lane))
  const broker = await metadata.register(whole.map((lane) => walMark(lane)))
  return { ...metadata, broker, objects: storageMetadata(metadata.controller, image, broker) }
}

/** Opens the partitions of the image, and records accepted losses. Listeners of topics must have been added. */
export async function startMetadata(
  { configs, log }: NodeInputs,
  founded: Founded,
  pipeline: Pipeline,
  metadata: OpenedMetadata,
  { partitions, lost }: OpenedStorage,
): Promise<void> {
  const { settings } = configs
  const reported = new Set<string>()
  const reportUnknown = (): void => {
    const names = configs.dynamicNames.filter((name) => isUnknownBrokerConfig(name) && !reported.has(name))
    for (const name of names)
      log.warn({ name }, `the broker config ${name} is neither Kafka's nor Millrace's: it is kept, and has no effect`)
    for (const name of names) reported.add(name)
  }
  configs.onFollowed(reportUnknown)
  configs.onFollowed(() => pipeline.notifyAll({ type: 'limits', connections: connectionLimits(settings) }))
  await metadata.start()
  if (lost.length > 0) await recordLoss(pipeline, lost, metadata, partitions, log)
  await founded.noteStart(Math.max(...pipeline.lanes.all.map(({ wal }) => wal.state.incarnation)))
  for (const { name, configs: own } of founded.image.cluster.topics.values()) {
    const validationError = topicConfigError(own, settings)
    if (validationError !== undefined) log.warn({ topic: name }, `topic ${name}: ${validationError}; larger batches are refused`)
  }
}
