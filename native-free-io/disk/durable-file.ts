import { closeSync, constants, fsyncSync, openSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes names in a folder as durable as the files they name. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Puts a file in place of another, all or nothing, whenever the machine stops. */
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

/** The same without a promise. */
export function syncFolderNow(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes the names of folders durable that have just been made: `made` is the first of them, as `mkdir` returns it. */
export function syncNewFolders(folder: string, made: string | undefined): void {
  if (made === undefined) return
  for (let at = folder; at.length >= made.length; at = dirname(at)) syncFolderNow(dirname(at))
}
