import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { openStore } from '../../../native-free-io/store/open-store.ts'
import type { ObjectStore, StoreLocation } from '../../../src/ports/object-store.ts'
import { longIf } from '../../support/long.ts'
import { S3Server, type S3ServerOptions } from '../../support/s3/server.ts'
import { contract } from './contract.ts'
import { s3At } from './s3-location.ts'

const MiB = 2 ** 20

/** A store to test, and how to remove it. */
interface Subject {
  readonly location: StoreLocation
  /** Maximum number of keys in a page of a list. */
  readonly pageKeys: number
  remove(): Promise<void>
}

async function folder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-store-'))
  return { path, remove: () => rm(path, { recursive: true }) }
}

/** Short pages need fewer objects. The long tests of `addresses.test.ts` have those of AWS. */
const pageKeys = 100

async function server({ folder }: S3ServerOptions, more: Parameters<typeof s3At>[1], after = async () => {}): Promise<Subject> {
  const s3 = new S3Server({ pageKeysMax: pageKeys, ...(folder === undefined ? {} : { folder }) })
  await s3.start()
  return { location: s3At(s3, more), pageKeys, remove: () => s3.stop().then(after) }
}

const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  'mem://': async () => ({ location: { scheme: 'mem', name: 'contract' }, pageKeys: 1000, remove: async () => {} }),
  'file://': async () => {
    const { path, remove } = await folder()
    return { location: { scheme: 'file', folder: join(path, 'not', 'yet', 'there') }, pageKeys: 1000, remove }
  },
  's3:// in memory': () => server({}, {}),
  's3:// on disk': async () => {
    const { path, remove } = await folder()
    return server({ folder: path }, { checksum: 'CRC32' }, remove)
  },
  's3:// with signed bodies and CRC-32C': () => server({}, { signBodies: true, checksum: 'CRC32C' }),
  's3:// without conditional puts': () => server({}, { conditionalPut: false }),
}

/** A thousand files are written one by one, and each is synced. */
const isSlow = (place: string, name: string): boolean => place === 'file://' && name.startsWith('a long list')

describe.each(Object.entries(subjects))('object store contract: a store at %s', (place, open) => {
  let subject: Subject
  let store: ObjectStore
  beforeAll(async () => {
    subject = await open()
    store = await openStore(subject.location, { environment: {} })
  })
  afterAll(async () => {
    await store.close()
    await subject.remove()
  })
  for (const [name, check] of Object.entries(contract)) {
    test(name, longIf(isSlow(place, name), 30_000), async () => {
      await check({ store, at: `check/${name.replace(/[^a-z0-9]/gi, '-')}/`, partBytes: 5 * MiB, pageKeys: subject.pageKeys })
    })
  }
})
