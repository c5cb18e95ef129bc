/** The kernel's speed beside that of a plain copy: the cost of a batch on its way into the log cache. */
import { pathToFileURL } from 'node:url'
import { createArena, openArena } from '../native-free-io/threads/arena.ts'
import { kernel, kernelBytes } from '../src/pipeline/kernel/kernel.ts'
import { scanResult, scanStatus } from '../src/pipeline/kernel/scan.ts'
import { buildBatch } from '../src/wire/batch-builder.ts'
import { batchHeader } from '../src/wire/record-batch.ts'
import type { MicroRow } from './micro-row.ts'

const kib = 1024
const gib = 1024 ** 3
/** Regions are cut from this, one after another, so that the data comes from memory as often as in a broker. */
const spanBytes = 16 << 20
const passes = 5

const regionBytes = [1 * kib, 4 * kib, 16 * kib, 64 * kib, 256 * kib, 1024 * kib] as const

/** `bytes` per measurement; a small value is enough for a test. */
export async function kernelSpeed(bytes: number = 256 << 20): Promise<readonly MicroRow[]> {
  const arena = openArena(createArena(Math.ceil((kernelBytes + 2 * spanBytes) / 65536) + 2))
  const machine = kernel(arena.memory)
  const [from, to] = [kernelBytes, kernelBytes + spanBytes]
  for (let at = from; at < from + spanBytes; at += 4) arena.view.setUint32(at, Math.imul(at, 0x9e3779b1), true)
  const speed = (size: number, work: (at: number, size: number) => void): number =>
    best(() => {
      for (let done = 0, at = 0; done < bytes; done += size, at = (at + size) % spanBytes) work(at, size)
      return bytes / gib
    })
  const rows: MicroRow[] = []
  for (const size of regionBytes) {
    const name = size < 1024 * kib ? `${size / kib} KiB` : '1 MiB'
    const copy = speed(size, (at) => machine.copy(to + at, from + at, size))
    const crc = speed(size, (at) => machine.crc(from + at, size, 0))
    const both = speed(size, (at) => machine.copyCrc(to + at, from + at, size, 0))
    rows.push(
      { name: `CRC-32C in place, ${name}`, value: crc, unit: 'GiB/s' },
      { name: `copy and CRC-32C, ${name}`, value: both, unit: 'GiB/s', remark: `copy alone ${copy.toFixed(1)} GiB/s` },
    )
  }
  for (const valueBytes of [100, 1024]) {
    const records = Array.from({ length: Math.ceil((64 * kib) / valueBytes) }, () => ({ timestamp: 0n, value: Buffer.alloc(valueBytes) }))
    const batch = buildBatch(records)
    batch.copy(arena.bytes, from)
    const [first, end, result] = [from + batchHeader.bytes, from + batch.length, to]
    const rounds = Math.max(1, Math.floor(bytes / batch.length / 4))
    const perSecond = best(() => {
      for (let i = 0; i < rounds; i++) {
        const status = machine.scan(first, end, records.length, result)
        if (status !== scanStatus.ok) throw new Error(`a scan found record ${arena.view.getInt32(result + scanResult.index, true)} wrong`)
      }
      return rounds * records.length
    })
    rows.push({ name: `scan, records of ${valueBytes} B`, value: 1e9 / perSecond, unit: 'ns/record' })
  }
  return rows
}

/** Amount by second, the best of a few passes: other load on the machine only slows a pass down. */
function best(pass: () => number): number {
  let most = 0
  for (let i = 0; i < passes; i++) {
    const began = performance.now()
    const amount = pass()
    most = Math.max(most, (amount * 1000) / (performance.now() - began))
  }
  return most
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { name, value, unit, remark } of await kernelSpeed()) {
    console.log(`${name.padEnd(32)} ${value.toFixed(2).padStart(8)} ${unit}${remark === undefined ? '' : `   ${remark}`}`)
  }
}
