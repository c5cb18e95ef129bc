import { resolve } from 'node:path'
import type { Settings } from '../../src/config/settings.ts'
import { checkFolder } from '../disk/folders.ts'
import { lanePath } from '../disk/lane-files.ts'
import { checkWalPlace } from '../disk/wal-place.ts'
import { roomFor } from '../disk/wal-room.ts'
import { threadsFor } from './stage-threads.ts'
import { step } from './start-failure.ts'
import { StartRefused } from './start-refused.ts'

export const folderAdvice = (setting: string): string => `Set ${setting} to a directory that the user of this process can write.`

/**
 * Errors with which a start would fail, as far as they can be detected without one. Creates and locks nothing, and sends no network
 * request.
 */
export async function startErrors(settings: Settings, isGiven: (key: string) => boolean): Promise<string[]> {
  const folder = resolve(settings['log.dirs'][0]!)
  const store = settings['s3.data.buckets']
  const wal = settings['s3.wal.path']
  const checks: (() => unknown)[] = [() => step(`log.dirs = ${folder} cannot be used`, folderAdvice('log.dirs'), () => checkFolder(folder))]
  if (store?.scheme === 'file') {
    checks.push(() =>
      step(`s3.data.buckets: file://${store.folder} cannot be used`, folderAdvice('s3.data.buckets'), () => checkFolder(store.folder)),
    )
  }
  if (wal.scheme === 'file') {
    const { lanes } = threadsFor(settings)
    const paths = Array.from({ length: lanes }, (_, lane) => lanePath(wal, folder, lane))
    const isDefault = !isGiven('s3.wal.path')
    checks.push(...(wal.path === null ? [] : paths.map((path) => () => checkWalPlace(path, lanes))), () =>
      roomFor({ paths, capacity: wal.capacityBytes, isDefault, logBytes: settings['s3.wal.cache.size'] }),
    )
  }
  const validationErrors: string[] = []
  for (const check of checks) {
    try {
      await check()
    } catch (error) {
      if (!(error instanceof StartRefused)) throw error
      validationErrors.push(error.message)
    }
  }
  return validationErrors
}
