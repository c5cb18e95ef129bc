import { expect, test } from 'vitest'
import { scanSpeed } from '../../../bench/scans.ts'

test('bench: scans measures every lookup on a small log', async () => {
  const rows = await scanSpeed(5000)
  expect(rows.map(({ name }) => name.endsWith(', 5000 batches'))).toEqual(rows.map(() => true))
  expect(rows.length).toBe(7)
  for (const { value, unit } of rows) expect([value > 0 && value < 1e6, unit]).toEqual([true, 'us'])
})
