/**
 * Stages are not to outnumber cores: a thread that waits for a core waits for a scheduler's tick. With two cores the
 * network thread sequences too, while what it has received is in its cache; persistence has the other core.
 */
const coresForOwnThread = 3

export const isInline = (setting: 'auto' | 'own' | 'network', cores: number): boolean =>
  setting === 'auto' ? cores < coresForOwnThread : setting === 'network'
