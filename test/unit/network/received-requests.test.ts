import { expect, test } from 'vitest'
import { ReceivedRequests } from '../../../src/network/received-requests.ts'

/** The calls of `sequence`, and the end of the reads of all ready sockets. */
function setUp() {
  const later: (() => void)[] = []
  let sequenced = 0
  const requests = new ReceivedRequests({ sequence: () => sequenced++, afterReads: (call) => later.push(call) })
  const endReads = (): void => {
    for (const call of later.splice(0)) call()
  }
  return { requests, endReads, sequenced: () => sequenced, waiting: () => later.length }
}

test('the request of the only busy client is sequenced at once', () => {
  const { requests, endReads, sequenced } = setUp()
  for (let request = 1; request <= 3; request++) {
    requests.received(100)
    expect(sequenced()).toBe(request)
    endReads()
    expect(sequenced()).toBe(request)
  }
})

test('small requests of many clients are sequenced together, after the last read', () => {
  const { requests, endReads, sequenced, waiting } = setUp()
  for (let client = 0; client < 32; client++) requests.received(100)
  endReads()
  const before = sequenced()
  for (let client = 0; client < 32; client++) requests.received(100)
  expect(sequenced()).toBe(before)
  expect(waiting()).toBe(1)
  endReads()
  expect(sequenced()).toBe(before + 1)
})

test('a large read is sequenced at once, with the small ones before it', () => {
  const { requests, endReads, sequenced } = setUp()
  requests.received(100)
  requests.received(100)
  endReads()
  const before = sequenced()
  requests.received(100)
  requests.received(64 << 10)
  expect(sequenced()).toBe(before + 1)
  endReads()
  expect(sequenced()).toBe(before + 1)
})

test('deferred requests without new bytes are sequenced', () => {
  const { requests, endReads, sequenced } = setUp()
  requests.received(100)
  requests.received(100)
  endReads()
  const before = sequenced()
  requests.received(0)
  endReads()
  expect(sequenced()).toBe(before + 1)
})

test('after many clients became one, its requests are sequenced at once again', () => {
  const { requests, endReads, sequenced } = setUp()
  requests.received(100)
  requests.received(100)
  endReads()
  requests.received(100)
  endReads()
  const before = sequenced()
  requests.received(100)
  expect(sequenced()).toBe(before + 1)
})
