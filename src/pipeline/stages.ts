import type { Settings } from '../config/settings.ts'
import { sharedMemory, sharedMemoryMax } from '../config/shared-memory.ts'

/**
 * There must not be more stages than cores: a thread that waits for a core waits for a scheduler tick. With two cores the network thread
 * also sequences, while the received data is in its cache; persistence has the other core.
 */
const coresForOwnThread = 3

/** Each lane has two busy threads, and their work needs about one network thread and one validator thread. */
const coresPerLane = 4

const coresForValidators = 4
const coresPerValidator = 4

/** Numbers of threads. `isInline`: the only network thread also sequences the only lane. */
export interface StageThreads {
  readonly network: number
  readonly lanes: number
  readonly isInline: boolean
  readonly validators: number
}

type Given = Pick<
  Settings,
  | 'num.network.threads'
  | 'lanes'
  | 'sequencer.thread'
  | 'num.validation.threads'
  | 'queued.max.requests.size.bytes'
  | 's3.wal.cache.size'
  | 's3.wal.path'
>

/** Numbers of threads for settings on a machine with this many cores. Automatic numbers are reduced to what fits in the shared memory. */
export function stageThreads(settings: Given, cores: number): StageThreads {
  const wal = settings['s3.wal.path']
  const isOnDevice = wal.scheme === 'file' && wal.path?.startsWith('/dev/')
  const mayBeSeveral = settings['sequencer.thread'] !== 'network' && !isOnDevice
  let auto = mayBeSeveral ? Math.max(1, Math.floor(cores / coresPerLane)) : 1
  const network = (): number => settings['num.network.threads'] ?? auto
  const lanes = (): number => settings.lanes ?? auto
  while (auto > 1 && sharedMemory(settings, network(), lanes()) > sharedMemoryMax) auto--
  const isOne = network() === 1 && lanes() === 1
  return {
    network: network(),
    lanes: lanes(),
    isInline: isOne && (settings['sequencer.thread'] === 'auto' ? cores < coresForOwnThread : settings['sequencer.thread'] === 'network'),
    validators: validationThreads(settings['num.validation.threads'], cores),
  }
}

/**
 * Number of validator threads, to which all compressed batches go. With fewer than four cores the network thread validates them, while the
 * received data is in its cache. A separate thread would take a core from another stage and add two hand-overs.
 */
function validationThreads(setting: number | null, cores: number): number {
  if (setting !== null) return setting
  return cores < coresForValidators ? 0 : Math.floor(cores / coresPerValidator)
}
