import type { Settings } from '../config/settings.ts'

/** Which way a group with members may change its kind. */
export type MigrationPolicy = Settings['group.consumer.migration.policy']

export const mayUpgrade = (policy: MigrationPolicy): boolean => policy === 'UPGRADE' || policy === 'BIDIRECTIONAL'
export const mayDowngrade = (policy: MigrationPolicy): boolean => policy === 'DOWNGRADE' || policy === 'BIDIRECTIONAL'
