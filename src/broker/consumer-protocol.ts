import type { Settings } from '../config/settings.ts'

/** Whether consumer groups are spoken with at all. */
export const speaksConsumer = (settings: Settings): boolean => settings['group.coordinator.rebalance.protocols'].includes('consumer')
