import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { isFault } from '../../../src/object-store/store-faults.ts'
import type { ListedObject, ObjectStore, StoreFault } from '../../../src/ports/object-store.ts'

/** Inputs of a check: a store with a separate prefix of keys, and values that depend on the store. */
export interface ContractWorld {
  readonly store: ObjectStore
  /** Prefix of the keys of this check. */
  readonly at: string
  /** The size from which an upload is sent in parts. */
  readonly partBytes: number
  /** Maximum number of keys in a page of a list. */
  readonly pageKeys: number
}

type Check = (world: ContractWorld) => Promise<void>

/** The contract of an object store: every implementation passes all checks. A name is the requirement, the function tests it. */
export const contract: Readonly<Record<string, Check>> = {
  async 'what was put is read'({ store, at }) {
    const bytes = noise(100_000, 1)
    ok(await store.put(`${at}a`, [bytes]))
    same(await store.get(`${at}a`, 0, bytes.length), bytes)
    assert.equal(await store.size(`${at}a`), bytes.length)
  },

  async 'pieces become one object, empty ones too, and a view of shared memory is a piece'({ store, at }) {
    const shared = Buffer.from(new SharedArrayBuffer(70_000))
    shared.set(noise(70_000, 2))
    const pieces = [new Uint8Array(0), shared.subarray(10, 11), shared.subarray(100, 66_000), new Uint8Array(0), noise(3, 3)]
    ok(await store.put(`${at}a`, pieces))
    same(await store.get(`${at}a`, 0, Number.POSITIVE_INFINITY), Buffer.concat(pieces))
  },

  async 'thousands of small pieces become one object'({ store, at }) {
    const bytes = noise(1_500_000, 4)
    const pieces = Array.from({ length: 3000 }, (_, i) => bytes.subarray(i * 500, (i + 1) * 500))
    ok(await store.put(`${at}a`, pieces))
    same(await store.get(`${at}a`, 0, bytes.length), bytes)
  },

  async 'a range is the requested one, up to the end of the object'({ store, at }) {
    const bytes = noise(10_000, 5)
    ok(await store.put(`${at}a`, [bytes]))
    same(await store.get(`${at}a`, 1000, 2000), bytes.subarray(1000, 2000))
    same(await store.get(`${at}a`, 0, 1), bytes.subarray(0, 1))
    same(await store.get(`${at}a`, 9_999, 10_000), bytes.subarray(9_999))
    same(await store.get(`${at}a`, 9_000, 20_000), bytes.subarray(9_000))
    same(await store.get(`${at}a`, 10_000, 20_000), new Uint8Array(0))
    same(await store.get(`${at}a`, 500, 500), new Uint8Array(0))
  },

  async 'a range is read into memory that is given, shared memory too'({ store, at }) {
    const bytes = noise(50_000, 6)
    ok(await store.put(`${at}a`, [bytes]))
    const into = new Uint8Array(new SharedArrayBuffer(40_000), 100, 30_000)
    const read = await store.get(`${at}a`, 5_000, 35_000, into)
    same(read, bytes.subarray(5_000, 35_000))
    same(into, bytes.subarray(5_000, 35_000))
  },

  async 'an empty object is an object'({ store, at }) {
    ok(await store.put(`${at}empty`, []))
    assert.equal(await store.size(`${at}empty`), 0)
    same(await store.get(`${at}empty`, 0, 100), new Uint8Array(0))
    assert.deepEqual(
      (await keysOf(store, at)).map(({ bytes }) => bytes),
      [0],
    )
  },

  async 'a second put takes the place of the first'({ store, at }) {
    ok(await store.put(`${at}a`, [noise(1000, 7)]))
    ok(await store.put(`${at}a`, [noise(10, 8)]))
    same(await store.get(`${at}a`, 0, 2000), noise(10, 8))
  },

  async 'what is not there is missing, and is removed all the same'({ store, at }) {
    is(await store.get(`${at}none`, 0, 10), 'missing')
    is(await store.size(`${at}none`), 'missing')
    ok(await store.remove([`${at}none`]))
    ok(await store.remove([]))
    assert.deepEqual(await keysOf(store, `${at}none`), [])
  },

  async 'odd keys are keys'({ store, at }) {
    const odd = [
      'a b',
      'a+b',
      'ä/ö',
      '日本',
      'per%20cent',
      'quote"\'<&>',
      'tilde~!*()',
      'a=b&c=d',
      'semi;colon,@:$',
      `${'long/'.repeat(40)}end`,
      '😀',
      '.hidden/.too',
    ]
    for (const [index, key] of odd.entries()) ok(await store.put(`${at}${key}`, [noise(10, index)]))
    for (const [index, key] of odd.entries()) same(await store.get(`${at}${key}`, 0, 10), noise(10, index))
    assert.deepEqual(new Set((await keysOf(store, at)).map(({ key }) => key.slice(at.length))), new Set(odd))
    ok(await store.remove(odd.map((key) => at + key)))
    assert.deepEqual(await keysOf(store, at), [])
  },

  async 'a list has the keys of its prefix in the order of their bytes, with their sizes and about when they came'({ store, at }) {
    const keys = ['a', 'a-', 'b/1', 'b/2', 'b0', 'c']
    const before = Date.now()
    for (const [index, key] of keys.toReversed().entries()) ok(await store.put(`${at}${key}`, [noise(index, 1)]))
    const all = await keysOf(store, at)
    assert.deepEqual(
      all.map(({ key, bytes }) => [key.slice(at.length), bytes]),
      keys.map((key, index) => [key, keys.length - 1 - index]),
    )
    for (const { modifiedMs } of all) assert(Math.abs(modifiedMs - before) < 300_000, `${modifiedMs} is about ${before}`)
    assert.deepEqual((await keysOf(store, `${at}b`)).length, 3)
    assert.deepEqual((await keysOf(store, `${at}b/`)).length, 2)
    assert.deepEqual((await keysOf(store, `${at}x`)).length, 0)
  },

  async 'a long list comes in pages and many are removed together'({ store, at, pageKeys }) {
    const keys = Array.from({ length: pageKeys + 57 }, (_, i) => `${at}${String(i).padStart(5, '0')}`)
    await inParallel(keys, 16, async (key) => ok(await store.put(key, [Buffer.from('x')])))
    const first = await store.list(at)
    if (isFault(first)) throw failure(first)
    assert.equal(first.objects.length, pageKeys)
    assert.notEqual(first.next, undefined)
    assert.deepEqual(
      (await keysOf(store, at)).map(({ key }) => key),
      keys,
    )
    const rest = await store.list(at, undefined, keys.at(-3))
    if (isFault(rest)) throw failure(rest)
    // A store may list the keys up to the given one too.
    const last = rest.next === undefined ? rest : await store.list(at, rest.next, keys.at(-3))
    if (isFault(last)) throw failure(last)
    assert.deepEqual(
      last.objects.slice(-2).map(({ key }) => key),
      keys.slice(-2),
    )
    ok(await store.remove(keys.slice(1)))
    assert.deepEqual(
      (await keysOf(store, at)).map(({ key }) => key),
      [keys[0]],
    )
  },

  async 'an upload that stays small is an object'({ store, at }) {
    const upload = store.upload(`${at}a`)
    ok(await upload.append([noise(10, 1), noise(20, 2)]))
    ok(await upload.append([]))
    ok(await upload.append([noise(30, 3)]))
    assert.equal(upload.bytes, 60)
    is(await store.size(`${at}a`), 'missing')
    assert.equal(await upload.complete(), 60)
    same(await store.get(`${at}a`, 0, 60), Buffer.concat([noise(10, 1), noise(20, 2), noise(30, 3)]))
    const empty = store.upload(`${at}b`)
    assert.equal(await empty.complete(), 0)
    assert.equal(await store.size(`${at}b`), 0)
  },

  async 'an upload of several parts is there whole when it is complete, and not before'({ store, at, partBytes }) {
    const bytes = noise(2 * partBytes + 123_457, 9)
    const upload = store.upload(`${at}large`)
    for (let start = 0; start < bytes.length; start += 1_000_003) ok(await upload.append([bytes.subarray(start, start + 1_000_003)]))
    is(await store.size(`${at}large`), 'missing')
    assert.equal(await upload.complete(), bytes.length)
    assert.equal(await store.size(`${at}large`), bytes.length)
    same(await store.get(`${at}large`, 0, bytes.length), bytes)
    same(await store.get(`${at}large`, partBytes - 7, partBytes + 7), bytes.subarray(partBytes - 7, partBytes + 7))
  },

  async 'an upload of whole parts has no part too many'({ store, at, partBytes }) {
    const upload = store.upload(`${at}whole`)
    ok(await upload.append([noise(partBytes, 10)]))
    assert.equal(await upload.complete(), partBytes)
    same(await store.get(`${at}whole`, 0, partBytes), noise(partBytes, 10))
  },

  async 'an aborted upload leaves nothing'({ store, at, partBytes }) {
    const upload = store.upload(`${at}gone`)
    ok(await upload.append([noise(partBytes + 10, 11)]))
    await upload.abort()
    is(await store.size(`${at}gone`), 'missing')
    const never = store.upload(`${at}never`)
    ok(await never.append([noise(10, 1)]))
    await never.abort()
    assert.deepEqual(await keysOf(store, at), [])
  },

  async 'uploads that never ended are abandoned once they are old'({ store, at, partBytes }) {
    const upload = store.upload(`${at}stale`)
    ok(await upload.append([noise(partBytes + 10, 12)]))
    const other = store.upload(`${at}fresh`)
    ok(await other.append([noise(partBytes + 10, 13)]))
    assert.equal(await store.abandonUploads(`${at}stale`, Date.now() - 3_600_000), 0)
    const found = await store.abandonUploads(`${at}stale`, Date.now() + 3_600_000)
    assert(found === 0 || found === 1, `${JSON.stringify(found)} is one at the most`)
    await upload.abort()
    assert.equal(await other.complete(), partBytes + 10)
    ok(await store.remove([`${at}fresh`]))
    assert.deepEqual(await keysOf(store, at), [])
  },

  async 'an object is composed of parts of other objects and of bytes between them'({ store, at, partBytes }) {
    const source = noise(partBytes + 3_000_000, 13)
    const from = store.upload(`${at}source`)
    ok(await from.append([source]))
    assert.equal(await from.complete(), source.length)
    const upload = store.upload(`${at}copy`)
    const parts: Uint8Array[] = []
    const copy = async (start: number, end: number): Promise<void> => {
      ok(await upload.copy(`${at}source`, start, end))
      parts.push(source.subarray(start, end))
    }
    const append = async (bytes: Uint8Array): Promise<void> => {
      ok(await upload.append([bytes]))
      parts.push(bytes)
    }
    await copy(100, source.length)
    await append(noise(1000, 14))
    await copy(0, 7_000_000)
    await copy(5, 15)
    await append(noise(5, 15))
    await copy(0, source.length)
    const whole = Buffer.concat(parts)
    assert.equal(upload.bytes, whole.length)
    assert.equal(await upload.complete(), whole.length)
    same(await store.get(`${at}copy`, 0, whole.length), whole)
  },

  async 'what is copied has to be there'({ store, at }) {
    ok(await store.put(`${at}short`, [noise(100, 1)]))
    const upload = store.upload(`${at}a`)
    assert(isFault(await upload.copy(`${at}short`, 50, 200)), 'a part that is not there cannot be copied')
    await upload.abort()
    const other = store.upload(`${at}b`)
    is(await other.copy(`${at}none`, 0, 10), 'missing')
    await other.abort()
  },

  async 'a conditional put is for the first alone'({ store, at }) {
    if (!store.can.conditionalPut) return is(await store.put(`${at}a`, [noise(1, 1)], { ifAbsent: true }), 'unsupported')
    ok(await store.put(`${at}a`, [noise(5, 1)], { ifAbsent: true }))
    is(await store.put(`${at}a`, [noise(6, 2)], { ifAbsent: true }), 'exists')
    same(await store.get(`${at}a`, 0, 10), noise(5, 1))
    ok(await store.remove([`${at}a`]))
    ok(await store.put(`${at}a`, [noise(7, 3)], { ifAbsent: true }))
  },

  async 'of twenty conditional puts at once one wins, and its bytes are read'({ store, at }) {
    if (!store.can.conditionalPut) return
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => store.put(`${at}race`, [noise(100, i)], { ifAbsent: true })))
    const winners = answers.flatMap((answer, i) => (answer === undefined ? [i] : []))
    assert.deepEqual(
      answers.flatMap((answer) => answer?.fault ?? []),
      Array(19).fill('exists'),
    )
    same(await store.get(`${at}race`, 0, 100), noise(100, winners[0]!))
  },

  async 'many at once do not mix'({ store, at }) {
    await inParallel(
      Array.from({ length: 100 }, (_, i) => i),
      25,
      async (i) => {
        ok(await store.put(`${at}${i}`, [noise(20_000 + i, i)]))
        same(await store.get(`${at}${i}`, i, 20_000 + i), noise(20_000 + i, i).subarray(i))
      },
    )
    assert.equal((await keysOf(store, at)).length, 100)
  },
}

/** Removes the objects of a check. */
export async function clearFolder(store: ObjectStore, at: string): Promise<void> {
  ok(await store.remove((await keysOf(store, at)).map(({ key }) => key)))
}

export async function keysOf(store: ObjectStore, prefix: string): Promise<ListedObject[]> {
  const found: ListedObject[] = []
  let from: string | undefined
  do {
    const page = await store.list(prefix, from)
    if (isFault(page)) throw failure(page)
    found.push(...page.objects)
    from = page.next
  } while (from !== undefined)
  return found
}

/** The same bytes for the same seed, which cannot be compressed: the key stream of a cipher, which is fast to make. */
export function noise(bytes: number, seed: number): Uint8Array {
  const key = Buffer.alloc(16)
  key.writeUInt32LE(seed)
  return Uint8Array.from(createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(new Uint8Array(bytes)))
}

async function inParallel<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
    }),
  )
}

const failure = (fault: StoreFault): Error => new Error(`not expected: ${JSON.stringify(fault)}`)

function ok(answer: StoreFault | undefined): void {
  if (answer !== undefined) throw failure(answer)
}

function is(answer: unknown, fault: StoreFault['fault']): void {
  assert(isFault(answer), `a fault, not ${JSON.stringify(answer)}`)
  assert.equal(answer.fault, fault, answer.detail)
}

function same(answer: Uint8Array | StoreFault, bytes: Uint8Array): void {
  if (isFault(answer)) throw failure(answer)
  assert.equal(answer.length, bytes.length, 'as many bytes as were put')
  assert(Buffer.compare(answer, bytes) === 0, 'the bytes that were put')
}
