import { expect, test } from 'vitest'
import { below, chance, prng } from '../../../src/base/prng.ts'
import { BatchIndex } from '../../../src/partition/batch-index.ts'
import { longIf } from '../../support/long.ts'

for (let seed = 0; seed < 20; seed++) {
  test(`batch index: an index is a list that forgets its beginning, seed ${seed}`, longIf(seed >= 8), () => {
    const p = prng(seed)
    const index = new BatchIndex()
    const list: { base: number; count: number; position: number; bytes: number; maxTimestamp: number }[] = []
    let [offset, position] = [below(p, 2) * 2 ** 40, 2 ** 35]
    for (let step = 0; step < 2000; step++) {
      if (list.length === 0 || chance(p, 600)) {
        const entry = { base: offset, count: 1 + below(p, 9), position, bytes: 61 + below(p, 1000), maxTimestamp: 1.7e12 + below(p, 1000) }
        index.push(entry.base, entry.count, entry.position, entry.bytes, entry.maxTimestamp)
        list.push(entry)
        offset += entry.count
        position += entry.bytes + 64
      } else if (chance(p, 200)) {
        const count = below(p, list.length + 1)
        index.dropFirst(count)
        list.splice(0, count)
      }
      expect(index.length).toBe(list.length)
      if (list.length === 0) continue
      const i = below(p, list.length)
      const { base, count, position: at, bytes, maxTimestamp } = list[i]!
      expect([index.base(i), index.count(i), index.position(i), index.bytes(i), index.maxTimestamp(i), index.end(i)]).toEqual([
        base,
        count,
        at,
        bytes,
        maxTimestamp,
        at + bytes,
      ])
      expect(index.find(base + below(p, count))).toBe(i)
      expect(index.find(list[0]!.base - 1)).toBe(-1)
      expect(index.find(offset + 5)).toBe(list.length - 1)
    }
    expect(() => index.dropFirst(index.length + 1)).toThrow('no more entries')
  })
}
