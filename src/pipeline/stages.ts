/**
 * Stages are not to outnumber cores: a thread that waits for a core waits for a scheduler's tick. With two cores the
 * network thread sequences too, while what it has received is in its cache; persistence has the other core.
 */
const coresForOwnThread = 3

export const isInline = (setting: 'auto' | 'own' | 'network', cores: number): boolean =>
  setting === 'auto' ? cores < coresForOwnThread : setting === 'network'

const coresForValidators = 4
const coresPerValidator = 4

/**
 * Threads to which all compressed batches go. With fewer than four cores the network thread validates them while what it has received is in
 * its cache: a thread of its own would take a core from another stage, and a hand-over there and back.
 */
export function validationThreads(setting: number | null, cores: number): number {
  if (setting !== null) return setting
  return cores < coresForValidators ? 0 : Math.floor(cores / coresPerValidator)
}
