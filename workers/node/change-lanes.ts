import { crashPoint } from '../../native-free-io/process/crash-point.ts'
import type { StoreHealth } from '../../native-free-io/store/store-health.ts'
import { storeName } from '../../src/config/store-uri.ts'
import { faultText } from '../../src/object-store/store-faults.ts'
import type { Founded, NodeInputs } from './found.ts'
import { openNodeMetadata, startMetadata } from './open-metadata.ts'
import { openPipeline } from './open-pipeline.ts'
import { openStorage } from './open-storage.ts'

/**
 * The node has been opened with the number of lanes of its last start, and the settings have another one. An automatic number is not changed
 * any more: with another number of cores, a start would need the object store.
 */
export const hasOtherLanes = ({ configs: { settings } }: NodeInputs, { logs }: Founded): boolean =>
  settings.lanes !== null && settings.lanes !== logs.wals.length

/**
 * Stores all records of the former lanes in objects, and records the number of lanes of the settings: the next opening of the node begins with
 * new logs. No client is accepted. While the object store fails, uploads are repeated, and the start waits for it.
 *
 * Order: the records are in objects, the producers are saved, the number is recorded. A crash before the last step repeats all of them. After
 * it, a start empties the former logs: see `removeFormerLanes` and `openStoreLanes`.
 */
export async function changeLanes(inputs: NodeInputs, founded: Founded, health: StoreHealth): Promise<void> {
  const { configs, log } = inputs
  const lanes = configs.settings.lanes!
  const began = performance.now()
  const before = founded.logs.wals.length
  log.info({ before, lanes }, 'the number of lanes has changed: storing the records of the former lanes in objects')
  const late = await health.check()
  if (late !== undefined) log.warn({ store: storeName(founded.location) }, `the object store does not take objects yet: ${faultText(late)}`)
  const pipeline = await openPipeline(inputs, founded, () => {})
  const opened = await openStorage(inputs, founded, pipeline, health)
  const metadata = await openNodeMetadata(inputs, founded, pipeline, opened)
  await startMetadata(inputs, founded, pipeline, metadata, opened)
  const { storage, jobs } = opened
  storage.start(metadata.objects)
  await storage.storeAll()
  crashPoint('former lanes stored')
  await metadata.objects.changeLanes(lanes, Math.max(...pipeline.lanes.all.map(({ wal }) => wal.state.incarnation)))
  crashPoint('lanes changed')
  await storage.stop()
  health.stop()
  await pipeline.stop()
  await pipeline.close()
  await jobs.close()
  await founded.logs.close()
  founded.room.close()
  log.info({ before, lanes, milliseconds: Math.round(performance.now() - began) }, 'changed the number of lanes')
}
