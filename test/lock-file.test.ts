import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './support/root.ts'

interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

// npm leaves optional packages out of a lock file when a registry does not have them. From npm 11 on, `npm ci` then refuses the lock file.
test('package-lock.json: contains every optional package of every platform', () => {
  const names = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)))
  const missing = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies).filter((name) => !names.has(name)),
  )
  expect(missing).toEqual([])
})

test('package-lock.json: each package has a version and a hash', () => {
  const incomplete = Object.entries(packages).filter(([path, { version, integrity }]) => path !== '' && (!version || !integrity))
  expect(incomplete.map(([path]) => path)).toEqual([])
})
