import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freePorts } from '../support/broker.ts'
import { longIf } from '../support/long.ts'
import { root } from '../support/root.ts'
import { type Started, start, startServer } from '../support/start.ts'

const limitMs = 60_000
const isLinuxRoot = process.platform === 'linux' && process.getuid?.() === 0

let folder: string
let port: number
const running: Started[] = []
const mounted: string[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'places-'))
  ;[port] = (await freePorts(1)) as [number]
})
afterEach(async () => {
  for (const each of running.splice(0)) {
    each.kill('SIGKILL')
    await each.ended
  }
  for (const each of mounted.splice(0)) spawnSync('umount', [each])
  rmSync(folder, { recursive: true, force: true })
})

const settings = (more: Readonly<Record<string, string>>): Record<string, string> => ({
  listeners: `PLAINTEXT://127.0.0.1:${port}`,
  'log.dirs': join(folder, 'data'),
  'metrics.listener': '',
  's3.wal.path': 'file://?capacity=32MiB',
  's3.wal.cache.size': '16MiB',
  ...more,
})

function keep(started: Started): Started {
  running.push(started)
  return started
}

async function ran(more: Readonly<Record<string, string>>): Promise<void> {
  const node = keep(startServer(settings(more)))
  await node.until('is ready at')
  node.kill('SIGTERM')
  expect(await node.ended).toBe(0)
}

/** The single line of a failed start, and the report of `config check`. */
async function startErrors(more: Readonly<Record<string, string>>): Promise<readonly [started: string, checked: string]> {
  const node = keep(startServer(settings(more)))
  expect(await node.ended).toBe(1)
  expect(node.text()).not.toContain('    at ')
  const fatal = node
    .text()
    .split('\n')
    .filter((line) => line.includes('"fatal"'))
  expect(fatal.length).toBe(1)
  const file = join(folder, 'server.properties')
  const lines = Object.entries(settings(more)).map(([key, value]) => `${key}=${value}\n`)
  writeFileSync(file, lines.join(''))
  const check = keep(start(['config', 'check', file]))
  expect(await check.ended).toBe(1)
  return [(JSON.parse(fatal[0]!) as { msg: string }).msg, check.text()]
}

/** False if this machine allows no mounts, as in some containers. */
function mountReadOnly(path: string): boolean {
  const isMounted = spawnSync('mount', ['--bind', path, path]).status === 0
  if (isMounted) mounted.push(path)
  const isReadOnly = isMounted && spawnSync('mount', ['-o', 'remount,ro,bind', path]).status === 0
  if (!isReadOnly) console.warn('skipped: read-only places, which cannot be mounted here')
  return isReadOnly
}

if (!isLinuxRoot) console.warn('skipped: read-only places, which need root to be mounted')
describe.runIf(isLinuxRoot)('start: a read-only file system is one line that names the setting, in config check too', () => {
  test.each(['new', 'used'])(
    'a %s directory as log.dirs',
    async (age) => {
      const disk = join(folder, 'disk')
      mkdirSync(disk)
      const more = { 'log.dirs': join(disk, 'data') }
      if (age === 'used') await ran(more)
      if (!mountReadOnly(disk)) return
      const line = `log.dirs = ${disk}/data cannot be used: its file system is read-only (EROFS). Set log.dirs to a directory that the user of this process can write.`
      const [started, checked] = await startErrors(more)
      expect(started).toBe(line)
      expect(checked).toContain(line)
    },
    limitMs,
  )

  for (const below of ['', '/below']) {
    test(`as the store of objects${below}`, longIf(below !== '', limitMs), async () => {
      const disk = join(folder, 'disk')
      mkdirSync(disk)
      if (!mountReadOnly(disk)) return
      const line = `s3.data.buckets: file://${disk}${below} cannot be used: its file system is read-only (EROFS).`
      for (const text of await startErrors({ 's3.data.buckets': `file://${disk}${below}` })) expect(text).toContain(line)
    })
  }

  for (const what of ['the place of a new write-ahead log', 'the directory of a write-ahead log', 'the file of a write-ahead log']) {
    test(what, longIf(what.includes('directory'), limitMs), async () => {
      const disk = join(folder, 'disk')
      mkdirSync(disk)
      const wal = join(disk, 'wal')
      const more = { 's3.wal.path': `file://${wal}?capacity=32MiB` }
      const isNew = what.includes('new')
      if (!isNew) await ran(more)
      if (!mountReadOnly(what.includes('file') ? wal : disk)) return
      for (const text of await startErrors(more))
        expect(text).toMatch(/s3\.wal\.path: .*disk\/wal cannot be (used|locked).*: its file system is read-only.*\. Set/)
    })
  }
})

describe.runIf(process.platform === 'linux')('start: a file system of the kernel is refused at once', () => {
  for (const [key, value] of [
    ['log.dirs', '/proc/x'],
    ['s3.data.buckets', 'file:///proc/x'],
    ['s3.data.buckets', 'file:///proc'],
    ['s3.data.buckets', 'file:///sys/x'],
  ] as const) {
    test(`${key}=${value}`, longIf(key !== 'log.dirs' && value !== 'file:///proc/x', limitMs), async () => {
      for (const text of await startErrors({ [key]: value })) {
        // If the user has no write permission there, that error is found first.
        expect(text).toMatch(
          new RegExp(
            `${key.replaceAll('.', '\\.')}.* cannot be used: (its file system cannot store files \\(ENOTSUP\\)|permission denied)`,
          ),
        )
      }
    })
  }
})

describe('start: without pino-pretty', () => {
  /** An installation for production, without development packages. */
  function installed(): string {
    const at = join(folder, 'installed')
    mkdirSync(join(at, 'node_modules'), { recursive: true })
    for (const name of ['dist/program', 'dist/package.json', 'dist/validation.wasm', 'src/cli', 'package.json']) {
      if (existsSync(join(root, name))) cpSync(join(root, name), join(at, name), { recursive: true })
    }
    for (const name of readdirSync(join(root, 'node_modules'))) {
      if (name !== 'pino-pretty') symlinkSync(join(root, 'node_modules', name), join(at, 'node_modules', name))
    }
    return at
  }

  for (const [format, warnings] of [
    ['pretty', 1],
    ['auto', 0],
    ['json', 0],
  ] as const) {
    test(`log.format=${format} is JSON, and has ${warnings} warnings about it`, longIf(format === 'json', limitMs), async () => {
      const args = Object.entries(settings({ 'log.format': format })).flatMap(([key, value]) => ['--override', `${key}=${value}`])
      const main = join(installed(), 'src', 'cli', 'millrace.mjs')
      const shell =
        format === 'auto'
          ? `exec script -qfec "'${process.execPath}' '${main}' server start ${args.map((arg) => `'${arg}'`).join(' ')}" /dev/null;`
          : ''
      if (shell !== '' && spawnSync('script', ['--version']).status !== 0) return
      const node = keep(start(['server', 'start', ...args], { main, shell }))
      await node.until('is ready at')
      expect(node.text()).toContain('{"level":"info"')
      expect(node.text().split('the package pino-pretty is not installed; the log is written as JSON').length - 1).toBe(warnings)
    })
  }
})
