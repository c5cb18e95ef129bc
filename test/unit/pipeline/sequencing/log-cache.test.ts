import { expect, test } from 'vitest'
import { below, chance, prng } from '../../../../src/base/prng.ts'
import { LogCache } from '../../../../src/pipeline/sequencing/log-cache.ts'
import { alignBlock, blockBytes, walRecord } from '../../../../src/wal/wal-record.ts'

const kib = 1024
const lap = 256 * kib

interface Write {
  readonly from: number
  readonly to: number
}

/** Log memory whose every write is known: records, and the headers of jumps. */
function logMemory(options: { capacity?: number; position?: number } = {}): {
  memory: LogCache
  writes: Write[]
  put(bytes: number): number | string
} {
  const { capacity = 64 * lap, position = 0 } = options
  const writes: Write[] = []
  const place = { base: 64 * kib, bytes: lap, capacity, position, oldest: position, trimmed: position }
  const memory = new LogCache(place, (from, to) => {
    expect(to).toBeGreaterThanOrEqual(from + walRecord.bytes)
    writes.push({ from, to: from + walRecord.bytes })
  })
  return {
    memory,
    writes,
    put(bytes) {
      const at = memory.reserve(bytes)
      if (typeof at === 'number') {
        writes.push({ from: at, to: at + bytes })
        memory.commit(at, bytes)
      }
      return at
    },
  }
}

const overlapsInMemory = (write: Write, pin: Write): boolean => {
  for (let shift = Math.floor((write.from - pin.to) / lap); shift * lap + pin.from < write.to; shift++) {
    if (shift >= 0 && pin.from + shift * lap < write.to && write.from < pin.to + shift * lap) return true
  }
  return false
}

test('log cache: a header never crosses a block, a record is contiguous, and positions only increase', () => {
  const p = prng(11)
  const { memory, writes, put } = logMemory({ capacity: 1024 * lap })
  let end = 0
  while (memory.end < 40 * lap) {
    memory.setDurable(memory.closeGroup())
    for (let n = below(p, 6); n >= 0; n--) put(walRecord.bytes + 61 + below(p, chance(p, 100) ? 60 * kib : 3 * kib))
    for (const { from, to } of writes.splice(0)) {
      expect(from % blockBytes).toBeLessThanOrEqual(blockBytes - walRecord.bytes)
      expect(from % 8).toBe(0)
      expect(Math.floor(from / lap)).toBe(Math.floor((to - 1) / lap))
      expect(from).toBeGreaterThanOrEqual(end)
      end = to
    }
  }
})

test('what is not durable is not overwritten: memory is full until the disk has some of it', () => {
  const { memory, put } = logMemory()
  let records = 0
  while (typeof put(16 * kib) === 'number') records++
  expect(records).toBe(lap / (16 * kib))
  expect(put(16 * kib)).toBe('memory')
  memory.setDurable(memory.closeGroup())
  expect(put(16 * kib)).toBe(lap)
})

test('log cache: a full log reports it, and continues once it is trimmed', () => {
  const { memory, put } = logMemory({ capacity: 2 * lap })
  const fill = (): string => {
    for (;;) {
      const at = put(32 * kib)
      if (typeof at === 'string') return at
      memory.setDurable(memory.closeGroup())
    }
  }
  expect(fill()).toBe('log')
  const { end } = memory
  memory.setTrimmed(64 * kib)
  expect(fill()).toBe('log')
  expect(memory.end - end).toBe(64 * kib)
})

test('log cache: data older than one lap is gone, and the log returns its first position', () => {
  const { memory, put } = logMemory()
  for (let i = 0; i < 40; i++) {
    const at = put(30 * kib)
    if (typeof at === 'number') expect(memory.oldest).toBe(Math.max(0, at + 30 * kib - lap))
    memory.setDurable(memory.closeGroup())
  }
})

test('log cache: two pins that overlap are both stepped over', () => {
  const { memory, writes, put } = logMemory()
  for (let i = 0; i < 8; i++) put(30 * kib)
  memory.setDurable(memory.closeGroup())
  const pins = [
    { from: 70 * kib, to: 130 * kib },
    { from: 100 * kib, to: 200 * kib },
  ]
  for (const { from, to } of pins) memory.pin(from, to)
  writes.length = 0
  for (let i = 0; i < 30; i++) {
    put(10 * kib)
    memory.setDurable(memory.closeGroup())
  }
  for (const write of writes)
    for (const pin of pins) expect({ write, pin, hit: overlapsInMemory(write, pin) }).toMatchObject({ hit: false })
})

test('log cache: a pin that became narrower holds no more than what is left of it', () => {
  const { memory, writes, put } = logMemory()
  for (let i = 0; i < 8; i++) put(30 * kib)
  memory.setDurable(memory.closeGroup())
  const id = memory.pin(50 * kib, 200 * kib)
  memory.narrow(id, memory.address(100 * kib), 10 * kib)
  memory.narrow(id + 1, memory.address(0), 10 * kib)
  expect(memory.pinned).toBe(10 * kib)
  writes.length = 0
  for (let i = 0; i < 30; i++) {
    put(10 * kib)
    memory.setDurable(memory.closeGroup())
  }
  const [whole, left] = [50, 100].map((from, i) => ({ from: from * kib, to: [200, 110][i]! * kib }))
  expect(writes.some((write) => overlapsInMemory(write, whole!))).toBe(true)
  expect(writes.some((write) => overlapsInMemory(write, left!))).toBe(false)
  memory.unpin(id)
  expect(memory.pinned).toBe(0)
})

test('log cache: a pin at the start of memory survives the end of a lap', () => {
  const { memory, writes, put } = logMemory({ position: lap })
  for (let i = 0; i < 8; i++) put(30 * kib)
  memory.setDurable(memory.closeGroup())
  memory.setTrimmed(lap)
  const pin = { from: lap, to: lap + 70 * kib }
  const id = memory.pin(pin.from, pin.to)
  expect(memory.pinned).toBe(70 * kib)
  writes.length = 0
  for (let i = 0; i < 60; i++) {
    put(20 * kib)
    memory.setDurable(memory.closeGroup())
  }
  for (const write of writes) expect({ write, hit: overlapsInMemory(write, pin) }).toMatchObject({ hit: false })
  memory.unpin(id)
  memory.unpin(id)
  expect(memory.pinned).toBe(0)
})

test.each(Array.from({ length: 60 }, (_, seed) => seed))('log cache: pins come and go and are never overwritten, seed %i', (seed) => {
  const p = prng(seed)
  const { memory, writes, put } = logMemory({ capacity: 4096 * lap })
  const pins = new Map<number, Write>()
  const groups: number[] = [0]
  let full = 0
  for (let step = 0; step < 1500; step++) {
    const at = put(walRecord.bytes + 61 + below(p, chance(p, 100) ? 50 * kib : 6 * kib))
    if (typeof at === 'string') full++
    for (const write of writes.splice(0)) {
      for (const pin of pins.values()) expect({ seed, step, write, pin, hit: overlapsInMemory(write, pin) }).toMatchObject({ hit: false })
    }
    if (chance(p, 300)) {
      memory.setDurable(memory.closeGroup())
      groups.push(memory.end)
    }
    if (pins.size < 6 && chance(p, 200)) {
      const from = groups[below(p, groups.length)]! + 8 * below(p, 500)
      const to = from + 61 + below(p, 30 * kib)
      // As a reader does: nothing that the next records may reach.
      if (from > memory.oldest + 64 * kib && to <= alignBlock(groups.at(-1)!)) pins.set(memory.pin(from, to), { from, to })
    }
    for (const id of pins.keys()) {
      if (!chance(p, 80)) continue
      memory.unpin(id)
      pins.delete(id)
    }
    if (full > 50) {
      for (const id of pins.keys()) memory.unpin(id)
      pins.clear()
      memory.setDurable(memory.closeGroup())
      groups.push(memory.end)
      full = 0
    }
  }
  expect(memory.end).toBeGreaterThan(4 * lap)
})
