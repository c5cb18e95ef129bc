import { fork } from 'node:child_process'
import { closeSync, constants, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { root } from '../test/support/root.ts'
import { Histogram } from './load/histogram.ts'
import type { MicroRow } from './micro-row.ts'
import { benchDataFolder } from './peers.ts'

const seconds = 1
const mib = 1024 * 1024

/** Limits of this machine: no broker on it can be faster. */
export async function machineLimits(): Promise<readonly MicroRow[]> {
  return [await loopback(), ...disk(), memoryCopy()]
}

async function loopback(): Promise<MicroRow> {
  const sink = fork(join(root, 'dist', 'bench', 'loopback-sink.js'))
  try {
    const port = await new Promise<number>((resolve, reject) => {
      sink.once('message', (message) => resolve(message as number))
      sink.once('exit', (code) => reject(new Error(`the receiving process ended with ${code}`)))
    })
    const received = new Promise<number>((resolve) => sink.once('message', (message) => resolve(message as number)))
    const began = performance.now()
    await flood(port)
    const bytes = await received
    return {
      name: 'loopback, one connection, two processes, 64 KiB writes',
      value: bytes / mib / ((performance.now() - began) / 1000),
      unit: 'MiB/s',
    }
  } finally {
    sink.kill()
  }
}

function flood(port: number): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024)
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const until = performance.now() + seconds * 1000
    const fill = (): void => {
      while (performance.now() < until) if (!socket.write(chunk)) return
      socket.end(resolve)
    }
    socket.once('connect', fill).on('drain', fill).once('error', reject)
  })
}

/** Durable writes past the page cache, into blocks that the file has already. Falls back to a flush after each write. */
function disk(): MicroRow[] {
  mkdirSync(benchDataFolder, { recursive: true })
  const path = join(benchDataFolder, 'limits.bin')
  const memory = Buffer.from(new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true }).buffer)
  const fileMib = 128
  const fill = openSync(path, 'w')
  for (let written = 0; written < fileMib; written += 1) writeSync(fill, memory, 0, mib)
  closeSync(fill)
  const { fd, remark } = openDirect(path)
  try {
    return [...writes(fd, memory, mib, fileMib, '1 MiB', remark), ...writes(fd, memory, 4096, (fileMib * mib) / 4096, '4 KiB', remark)]
  } finally {
    closeSync(fd)
    rmSync(path)
  }
}

function openDirect(path: string): { readonly fd: number; readonly remark: string } {
  try {
    return { fd: openSync(path, constants.O_WRONLY | constants.O_DIRECT | constants.O_DSYNC), remark: 'O_DIRECT|O_DSYNC' }
  } catch {
    return { fd: openSync(path, constants.O_WRONLY | constants.O_DSYNC), remark: 'O_DSYNC; the file system refuses O_DIRECT' }
  }
}

function writes(fd: number, memory: Buffer, size: number, places: number, name: string, remark: string): MicroRow[] {
  const latencies = new Histogram()
  const began = performance.now()
  for (let now = began; now < began + seconds * 1000; ) {
    writeSync(fd, memory, 0, size, (latencies.count % places) * size)
    const done = performance.now()
    latencies.record(done - now)
    now = done
  }
  const rate = (latencies.count * size) / mib / ((performance.now() - began) / 1000)
  return [
    { name: `durable ${name} write`, value: rate, unit: 'MiB/s', remark },
    { name: `durable ${name} write, P50`, value: latencies.quantileMs(0.5) * 1000, unit: 'us' },
    { name: `durable ${name} write, P99`, value: latencies.quantileMs(0.99) * 1000, unit: 'us' },
  ]
}

function memoryCopy(): MicroRow {
  const from = Buffer.alloc(64 * mib, 1)
  const to = Buffer.alloc(64 * mib)
  let copied = 0
  const began = performance.now()
  while (performance.now() - began < seconds * 500) copied += from.copy(to)
  return { name: 'memory copy, 64 MiB', value: copied / mib / ((performance.now() - began) / 1000), unit: 'MiB/s' }
}
