/**
 * There must not be more stages than cores: a thread that waits for a core waits for a scheduler tick. With two cores the network thread
 * also sequences, while the received data is in its cache; persistence has the other core.
 */
const coresForOwnThread = 3

export const isInline = (setting: 'auto' | 'own' | 'network', cores: number): boolean =>
  setting === 'auto' ? cores < coresForOwnThread : setting === 'network'

const coresForValidators = 4
const coresPerValidator = 4

/**
 * Number of validator threads, to which all compressed batches go. With fewer than four cores the network thread validates them, while the
 * received data is in its cache. A separate thread would take a core from another stage and add two hand-overs.
 */
export function validationThreads(setting: number | null, cores: number): number {
  if (setting !== null) return setting
  return cores < coresForValidators ? 0 : Math.floor(cores / coresPerValidator)
}
