import { closeSync, constants, fsyncSync, openSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Replaces a file atomically and durably. */
export async function replaceFile(path: string, parts: readonly Uint8Array[], mode = 0o600): Promise<void> {
  const fresh = `${path}.tmp`
  await rm(fresh, { force: true })
  const handle = await open(fresh, 'wx', mode)
  try {
    for (const part of parts) await handle.appendFile(part)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(fresh, path)
  await syncFolder(dirname(path))
}

/** As `syncFolder`, synchronously. */
export function syncFolderNow(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes the names of new folders durable: `made` is the first of them, as returned by `mkdir`. */
export function syncNewFolders(folder: string, made: string | undefined): void {
  if (made === undefined) return
  for (let at = folder; at.length >= made.length; at = dirname(at)) syncFolderNow(dirname(at))
}
