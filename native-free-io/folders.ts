import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Makes a folder and those it lies in, one by one: of a recursive mkdir, Node never returns in file systems such as /proc. The first that is new. */
export function makeFolder(path: string): string | undefined {
  const missing: string[] = []
  let at = resolve(path)
  for (; !isFolder(at); at = dirname(at)) missing.unshift(at)
  for (const folder of missing) mkdirSync(folder)
  accessSync(resolve(path), constants.R_OK | constants.W_OK | constants.X_OK)
  return missing[0]
}

/** Throws what `makeFolder` would throw, as far as can be known without making anything. */
export function checkFolder(path: string): void {
  let at = resolve(path)
  while (!isFolder(at)) at = dirname(at)
  accessSync(at, constants.R_OK | constants.W_OK | constants.X_OK)
}

/** False where there is nothing; throws where there is something else. */
function isFolder(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.isDirectory()) return found !== undefined
  throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR' })
}
