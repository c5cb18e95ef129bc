import type { Settings } from '../../config/settings.ts'

/** In which directions a group with members may change its type. */
export type MigrationPolicy = Settings['group.consumer.migration.policy']

/** Whether a consumer group takes classic members. */
export const mayMix = (policy: MigrationPolicy): boolean => policy !== 'DISABLED'
export const mayUpgrade = (policy: MigrationPolicy): boolean => policy === 'UPGRADE' || policy === 'BIDIRECTIONAL'
export const mayDowngrade = (policy: MigrationPolicy): boolean => policy === 'DOWNGRADE' || policy === 'BIDIRECTIONAL'
