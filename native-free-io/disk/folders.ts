import { accessSync, constants, mkdirSync, statfsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * Creates a folder and its missing parents, one by one: in file systems such as /proc, a recursive mkdir of Node never returns. Returns the
 * first new folder.
 */
export function makeFolder(path: string): string | undefined {
  const missing: string[] = []
  let at = resolve(path)
  for (; !isFolder(at); at = dirname(at)) missing.unshift(at)
  if (missing.length > 0) refuseKernelFiles(at)
  for (const folder of missing) makeOne(folder)
  accessSync(resolve(path), constants.R_OK | constants.W_OK | constants.X_OK)
  return missing[0]
}

/** Throws the error that `makeFolder` would throw, as far as that can be determined without changes. */
export function checkFolder(path: string): void {
  let at = resolve(path)
  while (!isFolder(at)) at = dirname(at)
  refuseKernelFiles(at)
  accessSync(at, constants.R_OK | constants.W_OK | constants.X_OK)
}

/** False if the path does not exist; throws if it is not a folder. */
function isFolder(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.isDirectory()) return found !== undefined
  throw Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR' })
}

/** Another process may have created the folder in the meantime. */
function makeOne(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(path)) throw error
  }
}

/** Virtual file systems of the kernel, by their numbers in statfs(2): proc, sysfs, cgroup, cgroup2, debugfs, tracefs, devpts. */
const kernelFileSystems: ReadonlySet<number> = new Set([0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x1cd1])

function refuseKernelFiles(path: string): void {
  if (process.platform !== 'linux' || !kernelFileSystems.has(statfsSync(path).type)) return
  throw Object.assign(new Error(`${path} cannot store files`), { code: 'ENOTSUP' })
}
