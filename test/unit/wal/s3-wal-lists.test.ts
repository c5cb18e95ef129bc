import { expect, test } from 'vitest'
import { pageKeys } from '../../../native-free-io/store/keys.ts'
import { MemStore } from '../../../native-free-io/store/mem-store.ts'
import type { ListPage, StoreFault } from '../../../src/ports/object-store.ts'
import { type S3WalParts, Superseded } from '../../../src/wal/s3/s3-wal.ts'
import { claim } from '../../../src/wal/s3/s3-wal-start.ts'
import { S3WalWriter } from '../../../src/wal/s3/s3-wal-writer.ts'
import { noMark } from '../../../src/wal/s3/wal-object.ts'

class CountingStore extends MemStore {
  lists = 0

  override list(prefix: string, from?: string, after?: string): Promise<ListPage | StoreFault> {
    this.lists++
    return super.list(prefix, from, after)
  }
}

test('S3 WAL: the check for a later incarnation is one LIST, however many objects there are, and finds its claim', async () => {
  const store = new CountingStore({ scheme: 'mem', name: 's3-wal-lists' })
  const parts = (low: number): S3WalParts => ({
    store,
    prefix: 'cluster/wal/1/0/',
    owner: { high: 0, low },
    pause: () => Promise.resolve(),
    now: () => 0,
    keepMs: 1000,
    onFault: () => {},
  })
  const lost: Error[] = []
  expect(await claim(parts(1), 1)).toBe(true)
  const writer = new S3WalWriter(parts(1), { epoch: 1, kept: [], others: [] }, (error) => lost.push(error))
  const content = { kind: 'piece', mark: noMark, pieces: [], bodyBytes: 0, bodyCrc: 0, dropBelow: 0 } as const
  for (let end = 1; end <= 2 * pageKeys; end++) await writer.append({ ...content, end })
  await writer.look()
  expect([store.lists, lost.length]).toEqual([1, 0])
  expect(await claim(parts(2), 2)).toBe(true)
  await writer.look()
  expect(store.lists).toBe(2)
  expect(lost[0]).toBeInstanceOf(Superseded)
})
