import type { Settings } from '../config/settings.ts'

/** Whether the protocol of consumer groups is enabled. */
export const supportsConsumerProtocol = (settings: Settings): boolean =>
  settings['group.coordinator.rebalance.protocols'].includes('consumer')
