import { expect, test } from 'vitest'
import { below, prng } from '../../../src/base/prng.ts'
import { getLong, putLong, RingConsumer, RingProducer, ringBytes } from '../../../src/ring/ring.ts'

const make = (capacityWords: number): { words: Int32Array; producer: RingProducer; consumer: RingConsumer } => {
  const words = new Int32Array(new SharedArrayBuffer(ringBytes(capacityWords)))
  const place = { at: 0, capacityWords }
  return { words, producer: new RingProducer(words, place), consumer: new RingConsumer(words, place) }
}

test('ring: frames of random sizes arrive whole, once and in order, over many laps', () => {
  const p = prng(3)
  const { words, producer, consumer } = make(256)
  let sent = 0
  let received = 0
  while (received < 20_000) {
    for (let burst = below(p, 6); burst > 0; burst--) {
      const size = below(p, 40)
      const at = producer.claim(1 + (sent % 7), size)
      if (at < 0) break
      words.fill(sent, at, at + size)
      sent++
    }
    if (below(p, 3)) producer.publish()
    if (below(p, 2)) {
      consumer.drain((kind, at, count) => {
        expect(kind).toBe(1 + (received % 7))
        if (count > 0) expect([words[at], words[at + count - 1]]).toEqual([received, received])
        received++
        return true
      }, 1 + below(p, 5))
    }
  }
})

test('ring: what is not published is not seen, and what is not released is not overwritten', () => {
  const { producer, consumer } = make(16)
  expect(producer.claim(1, 6)).toBeGreaterThan(0)
  expect(consumer.empty).toBe(true)
  expect(producer.publish()).toBe(true)
  expect(producer.publish()).toBe(false)
  expect(producer.claim(2, 6)).toBeGreaterThan(0)
  expect(producer.claim(3, 0)).toBe(-1)
  producer.publish()
  expect(consumer.drain(() => true, 1)).toBe(1)
  expect(producer.claim(3, 6)).toBeGreaterThan(0)
})

test('ring: a frame larger than half the ring is a bug of the caller', () => {
  const { producer } = make(16)
  expect(() => producer.claim(1, 7)).toThrow('at most half')
  expect(producer.claim(1, producer.bodyWordsMax)).toBeGreaterThan(0)
})

test('ring: positions survive the wrap of a 32-bit word', () => {
  const words = new Int32Array(new SharedArrayBuffer(ringBytes(64)))
  words.fill(0x7fff_fff0, 0, 1)
  words.fill(0x7fff_fff0, 32, 33)
  const producer = new RingProducer(words, { at: 0, capacityWords: 64 })
  const consumer = new RingConsumer(words, { at: 0, capacityWords: 64 })
  for (let i = 0; i < 100; i++) {
    const at = producer.claim(1, 5)
    words[at] = i
    producer.publish()
    let seen = -1
    consumer.drain((_, body) => {
      seen = words[body]!
      return true
    }, 1)
    expect(seen).toBe(i)
  }
})

test('ring: a long survives its two words', () => {
  const words = new Int32Array(2)
  for (const value of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 2 ** 53 - 1, -1, -2, -(2 ** 40)]) {
    putLong(words, 0, value)
    expect(getLong(words, 0)).toBe(value)
  }
})

test('ring: a frame that is not taken is offered again, and what lies before it is released', () => {
  const { producer, consumer } = make(64)
  for (const kind of [1, 2, 3]) producer.claim(kind, 2)
  producer.publish()
  const seen: number[] = []
  const take = (kinds: number[]): number =>
    consumer.drain((kind) => {
      seen.push(kind)
      return kinds.includes(kind)
    }, 10)
  expect(take([1])).toBe(1)
  expect(take([2, 3])).toBe(2)
  expect(seen).toEqual([1, 2, 2, 3])
  expect(consumer.empty).toBe(true)
})
