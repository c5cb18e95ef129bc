import { closeSync, fsyncSync, ftruncateSync, lstatSync, openSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { FileWal } from '../../src/config/wal-uri.ts'
import { lanesMax } from '../../src/ports/lanes.ts'
import { segmentFolder } from '../../src/wal/segments.ts'
import type { WalIdentity } from '../../src/wal/wal-superblock.ts'
import { crashPoint } from '../process/crash-point.ts'
import { syncFolderNow } from './durable-file.ts'
import { removeAllSegments } from './segment-files.ts'
import { unlessMissing } from './unless-missing.ts'
import { differenceOf } from './wal-inspection.ts'
import { openWalPlace, type WalPlace } from './wal-place.ts'

/** Path of the WAL of a lane. At a path that is set, the first lane has that path, and the others append their number. */
export function lanePath({ path }: Pick<FileWal, 'path'>, folder: string, lane: number): string {
  if (path === null) return join(folder, 'wal', `lane-${lane}.wal`)
  return lane === 0 ? path : `${path}.${lane}`
}

/** Empties the log of a former number of lanes. The segments go first: without them, the superblock still identifies the log. */
export function emptyLog({ path }: WalPlace): void {
  removeAllSegments(segmentFolder(path))
  const fd = openSync(path, 'r+')
  try {
    ftruncateSync(fd, 0)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The segments go first: without them, the superblock still identifies the log. Of a link, the target is emptied too. */
function removeLog(place: WalPlace): void {
  const { path } = place
  const segments = segmentFolder(path)
  removeAllSegments(segments)
  crashPoint('former lane emptied')
  try {
    rmdirSync(segments)
  } catch {
    // There is none, or it contains other files.
  }
  if (lstatSync(path).isSymbolicLink()) emptyLog(place)
  unlinkSync(path)
  syncFolderNow(dirname(path))
}

/**
 * Removes the logs of lanes from `lanes` on that a former number of lanes has left. `isEnded` receives the incarnation of a log: whether all its
 * records are in objects.
 */
export function removeFormerLanes(
  wal: FileWal,
  folder: string,
  { lanes, identity, isEnded }: { readonly lanes: number; readonly identity: WalIdentity; isEnded(incarnation: number): boolean },
): void {
  for (let lane = lanes; lane < lanesMax; lane++) {
    const path = lanePath(wal, folder, lane)
    if (unlessMissing(() => statSync(path))?.isFile() !== true) continue
    const place = openWalPlace(path)
    try {
      const { content } = place
      if (content.type !== 'log' || content.superblock.identity === undefined) continue
      if (differenceOf(content.superblock.identity, { ...identity, lane }) !== undefined) continue
      if (!isEnded(content.superblock.state.incarnation)) continue
      removeLog(place)
    } finally {
      place.release()
    }
  }
}
