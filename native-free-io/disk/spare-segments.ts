import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Files of former segments, which become segments again: their blocks are allocated, and writes over them cost half as much. */
export interface SpareSegments {
  /** Folder of the segments. */
  readonly folder: string
  /** Size of a segment. */
  readonly bytes: number
  /** Maximum number of spare files. */
  readonly max: number
}

const pattern = /^spare-\d+$/

/** Paths of the spare files. */
export const sparesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))

/** Path for another spare file; undefined if there are enough. For one caller at a time. */
export function freeSpare({ folder, max }: SpareSegments): string | undefined {
  const paths = Array.from({ length: max }, (_, index) => join(folder, `spare-${index}`))
  return paths.find((path) => !existsSync(path))
}
