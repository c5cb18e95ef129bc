import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTopic } from '../support/admin.ts'
import { encodeBatch } from '../support/batch.ts'
import { freePorts } from '../support/broker.ts'
import { Connection, connected } from '../support/connection.ts'
import { long, longIf } from '../support/long.ts'
import * as requests from '../support/requests.ts'
import { api } from '../support/requests.ts'
import { S3Server } from '../support/s3/server.ts'
import { type Started, start, startServer } from '../support/start.ts'

const limitMs = 60_000
const small = { 's3.wal.path': 'file://?capacity=64MiB', 's3.wal.cache.size': '32MiB' }
const isRoot = process.getuid?.() === 0
/** User 65534 is `nobody` on systems that have one. */
const asNobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups'
const hasSetpriv = isRoot && spawnSync('setpriv', ['--version']).status === 0

let folder: string
let port: number
const running: Started[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'start-'))
  ;[port] = (await freePorts(1)) as [number]
})
afterEach(async () => {
  for (const each of running.splice(0)) {
    each.kill('SIGKILL')
    await each.ended
  }
  rmSync(folder, { recursive: true, force: true })
})

const data = (): string => join(folder, 'data')
const settings = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  listeners: `PLAINTEXT://127.0.0.1:${port}`,
  'log.dirs': data(),
  'metrics.listener': '',
  ...small,
  ...more,
})

function begin(more: Readonly<Record<string, string>> = {}, options?: Parameters<typeof start>[1]): Started {
  const started = startServer(settings(more), options)
  running.push(started)
  return started
}

async function ready(more: Readonly<Record<string, string>> = {}, options?: Parameters<typeof start>[1]): Promise<Started> {
  const started = begin(more, options)
  await started.until('is ready at')
  expect(started.text()).toContain('is ready at')
  return started
}

/** Runs a node and stops it. */
async function ran(more: Readonly<Record<string, string>> = {}): Promise<void> {
  const started = await ready(more)
  started.kill('SIGTERM')
  expect(await started.ended).toBe(0)
}

/** The single line of a failed start. */
async function startError(started: Started): Promise<string> {
  expect(await started.ended).toBe(1)
  const fatal = started
    .text()
    .split('\n')
    .filter((line) => line.includes('"fatal"'))
    .map((line) => JSON.parse(line) as { msg: string; err?: unknown })
  expect(started.text()).not.toContain('    at ')
  expect(fatal.map(({ err }) => err)).toEqual([undefined])
  return fatal[0]!.msg
}

const listening = (): Promise<Server & { readonly port: number }> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => resolve(Object.assign(server, { port: (server.address() as { port: number }).port })))
  })

describe('start: what an operator can change is one line that names the setting', () => {
  test(
    'a Kafka port that is in use',
    async () => {
      const other = await listening()
      const line = await startError(begin({ listeners: `PLAINTEXT://127.0.0.1:${other.port}` }))
      expect(line).toBe(
        `listeners: PLAINTEXT://127.0.0.1:${other.port} cannot be opened: the port is in use by another process (EADDRINUSE). Set listeners to a free port on an address of this machine.`,
      )
      other.close()
    },
    limitMs,
  )

  test(
    'a metrics port that was chosen and is in use',
    async () => {
      const other = await listening()
      const line = await startError(begin({ 'metrics.listener': `http://127.0.0.1:${other.port}` }))
      expect(line).toBe(
        `metrics.listener = http://127.0.0.1:${other.port} cannot be opened: the port is in use by another process (EADDRINUSE). Set metrics.listener to a free port, or to nothing for no metrics.`,
      )
      other.close()
    },
    limitMs,
  )

  for (const [listeners, reason] of [
    ['PLAINTEXT://198.51.100.7:9092', 'this machine does not have that address (EADDRNOTAVAIL)'],
    ['PLAINTEXT://nowhere.invalid:9092', 'the host name cannot be resolved'],
  ] as const) {
    test(`a listener on ${listeners}`, longIf(listeners.includes('nowhere'), limitMs), async () => {
      expect(await startError(begin({ listeners }))).toContain(`listeners: ${listeners} cannot be opened: ${reason}`)
    })
  }

  for (const key of ['log.dirs', 's3.data.buckets', 's3.wal.path']) {
    test(`${key} below a file`, longIf(key !== 's3.wal.path', limitMs), async () => {
      const file = join(folder, 'file')
      writeFileSync(file, '')
      const value = {
        'log.dirs': `${file}/x`,
        's3.data.buckets': `file://${file}/x`,
        's3.wal.path': `file://${file}/x/wal?capacity=64MiB`,
      }[key]!
      const line = await startError(begin({ [key]: value }))
      expect(line).toMatch(new RegExp(`^${key.replaceAll('.', '\\.')}.*(not a directory|ENOTDIR)`))
    })
  }

  test.runIf(hasSetpriv)(
    'directories that the user may not write',
    async () => {
      mkdirSync(data())
      mkdirSync(join(folder, 'closed'))
      chmodSync(folder, 0o755)
      const shell = { shell: `set -- ${asNobody} "$@";` }
      expect(await startError(begin({}, shell))).toContain(
        `log.dirs = ${data()} cannot be used: permission denied for the user of this process (EACCES). Set log.dirs to a directory that the user of this process can write.`,
      )
      chmodSync(data(), 0o777)
      expect(await startError(begin({ 's3.data.buckets': `file://${folder}/closed` }, shell))).toContain(
        `s3.data.buckets: file://${folder}/closed cannot be used: permission denied for the user of this process (EACCES).`,
      )
    },
    limitMs,
  )

  test(
    'a directory that another process has',
    async () => {
      const owner = await ready()
      const [other] = await freePorts(1)
      const line = await startError(begin({ listeners: `PLAINTEXT://127.0.0.1:${other}` }))
      expect(line).toContain(`${data()} is in use by process ${owner.pid}: see ${data()}/.lock`)
    },
    limitMs,
  )

  test(
    'another cluster, another node, another size of log memory',
    async () => {
      await ran()
      expect(await startError(begin({ 'cluster.id': 'c3RvcmUtd2FsLXRlc3QtMQ' }))).toMatch(
        /^log\.dirs: .* belongs to cluster .*, not c3Rv.*cluster\.id/,
      )
      expect(await startError(begin({ 'node.id': '7' }))).toContain(`log.dirs: ${data()} belongs to node 1, not 7: see node.id`)
      expect(await startError(begin({ 's3.wal.path': 'file://?capacity=96MiB', 's3.wal.cache.size': '48MiB' }))).toContain(
        's3.wal.cache.size = 50331648: ',
      )
    },
    limitMs,
  )

  test(
    'damaged files, one by one',
    async () => {
      await ran()
      const copy = (): void => {
        rmSync(join(folder, 'copy'), { recursive: true, force: true })
        cpSync(data(), join(folder, 'copy'), { recursive: true })
      }
      const damaged = async (name: string, bytes: string): Promise<string> => {
        copy()
        writeFileSync(join(folder, 'copy', name), bytes)
        return startError(begin({ 'log.dirs': join(folder, 'copy') }))
      }
      expect(await damaged('meta.properties', 'junk')).toMatch(/^log\.dirs: .*meta\.properties is not valid/)
      expect(await damaged('metadata.log', 'junkjunkjunkjunk')).toMatch(
        /^log\.dirs: .*metadata\.log is not a metadata log: restore it from a copy$/,
      )
    },
    limitMs,
  )
})

describe('start: the object store', () => {
  const server = new S3Server({ buckets: ['millrace'] })
  const uri = (bucket: string, secret = 'right'): string =>
    `s3://${bucket}?endpoint=${server.endpoint}&pathStyle=true&accessKey=node&secretKey=${secret}&apiCallAttemptTimeoutMs=1000&apiCallTimeoutMs=2000`

  beforeAll(async () => {
    server.accounts.set('node', { secretKey: 'right' })
    await server.start()
  })
  afterAll(() => server.stop())

  test(
    'a bucket that is missing and a key that is wrong are found at the start',
    async () => {
      expect(await startError(begin({ 's3.data.buckets': uri('elsewhere') }))).toMatch(
        /^s3\.data\.buckets: s3:\/\/elsewhere at .*NoSuchBucket/,
      )
      expect(await startError(begin({ 's3.data.buckets': uri('millrace', 'wrong') }))).toMatch(
        /^s3\.data\.buckets: s3:\/\/millrace at .*denied/,
      )
    },
    limitMs,
  )

  test('the node is not ready while the store refuses its key, and ready when it takes it again', long(limitMs), async () => {
    const [metrics] = await freePorts(1)
    const address = `http://127.0.0.1:${metrics}`
    const node = await ready({
      's3.data.buckets': uri('millrace'),
      's3.wal.upload.threshold': '1MiB',
      's3.wal.upload.interval.ms': '200',
      'metrics.listener': address,
    })
    const readiness = async (): Promise<number> => (await fetch(`${address}/readyz`)).status
    expect(await readiness()).toBe(200)
    server.accounts.set('node', { secretKey: 'another' })
    await connected(port, async (connection) => {
      await createTopic(connection, 't')
      const records = encodeBatch([{ value: Buffer.alloc(500_000) }])
      for (let i = 0; i < 4; i++) await connection.call(api.produce, requests.produce([{ topic: 't', partition: 0, records }]))
    })
    while ((await readiness()) === 200) await pause(50)
    await node.until('the store refuses, and the node is not ready')
    expect(node.text()).toContain('s3.data.buckets: the store refuses, and the node is not ready')
    server.accounts.set('node', { secretKey: 'right' })
    while ((await readiness()) !== 200) await pause(100)
    await node.until('the store takes objects again')
  })
})

test(
  'start: a default metrics port that is in use is a warning, and metrics are on another',
  async () => {
    const squatter = createServer()
    const isOurs = await new Promise<boolean>((resolve) => {
      squatter.once('error', () => resolve(false))
      squatter.listen(9404, '127.0.0.1', () => resolve(true))
    })
    const { 'metrics.listener': _, ...rest } = settings()
    const node = startServer(rest)
    running.push(node)
    await node.until('is ready at')
    const warning = node
      .text()
      .split('\n')
      .find((line) => line.includes('the default http://127.0.0.1:9404 cannot be opened'))
    const { port: other } = JSON.parse(warning!) as { port: number }
    expect((await fetch(`http://127.0.0.1:${other}/readyz`)).status).toBe(200)
    if (isOurs) squatter.close()
  },
  limitMs,
)

describe('start: descriptors', () => {
  test(
    'with 300 open files, 270 idle connections do not end the node: those beyond what it may open are refused',
    async () => {
      const node = await ready({ 's3.wal.upload.threshold': '1MiB', 's3.wal.upload.interval.ms': '100' }, { shell: 'ulimit -n 300;' })
      await connected(port, (connection) => createTopic(connection, 't'))
      const writer = await Connection.open(port)
      const idle = await Promise.all(Array.from({ length: 270 }, () => Connection.open(port)))
      await node.until('(ulimit -n)')
      // 300 minus the descriptors reserved for the node, and the writer.
      while (idle.filter(({ isClosed }) => !isClosed).length > 107) await pause(20)
      const records = encodeBatch([{ value: Buffer.alloc(800_000) }])
      for (let i = 0; i < 100; i++) {
        const [answer] = requests.readProduce(await writer.call(api.produce, requests.produce([{ topic: 't', partition: 0, records }])))
        expect(answer?.error).toBe(0)
      }
      await Promise.all([...idle, writer].map((connection) => connection.close()))
      node.kill('SIGTERM')
      expect(await node.ended).toBe(0)
    },
    limitMs,
  )

  test(
    'a limit that leaves next to none for clients is refused',
    async () => {
      const refused = begin({}, { shell: 'ulimit -n 200;' })
      expect(await refused.ended).toBe(1)
      expect(refused.text()).toBe('millrace: ulimit -n = 200: the process must be allowed to open at least 256 files.\n')
    },
    limitMs,
  )
})

const mounts = isRoot && existsSync('/proc/mounts') && spawnSync('mount', ['--version']).status === 0
describe.runIf(mounts)('start: a disk of 100 MiB', () => {
  let disk: string
  let isMounted = false
  beforeEach(() => {
    disk = join(folder, 'disk')
    mkdirSync(disk)
    isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'tmpfs', disk]).status === 0
  })
  afterEach(async () => {
    for (const each of running.splice(0)) {
      each.kill('SIGKILL')
      await each.ended
    }
    if (isMounted) spawnSync('umount', [disk])
  })

  test(
    'the default start is refused with what would fit, which starts',
    async (context) => {
      if (!isMounted) return context.skip()
      const defaults = { listeners: `PLAINTEXT://127.0.0.1:${port}`, 'log.dirs': `${disk}/data`, 'metrics.listener': '' }
      const first = startServer(defaults)
      running.push(first)
      const line = await startError(first)
      expect(line).toContain('s3.wal.path: a write-ahead log of 2GiB does not fit')
      const [, path, cache] = /Set s3\.wal\.path=(\S+) and s3\.wal\.cache\.size=(\w+),/.exec(line)!
      const node = startServer({ ...defaults, 's3.wal.path': path!, 's3.wal.cache.size': cache! })
      running.push(node)
      await node.until('is ready at')
      expect(node.text()).toContain('is ready at')
    },
    limitMs,
  )

  test(
    'a disk that is full before the log is allocated ends no idle node',
    async (context) => {
      if (!isMounted) return context.skip()
      const node = await ready({ 'log.dirs': `${disk}/data` })
      writeFileSync(`${disk}/filler`, '')
      // Uses almost all of the remaining space.
      spawnSync('sh', ['-c', `dd if=/dev/zero of=${disk}/filler bs=64k 2>/dev/null`])
      const wal = `${disk}/data/wal/lane-0.wal`
      for (let last = -1; last !== statSync(wal).size; await pause(500)) last = statSync(wal).size
      expect(await connected(port, (connection) => connection.call(api.metadata, requests.metadata(null)))).toBeDefined()
      truncateSync(`${disk}/filler`, 0)
      await connected(port, (connection) => createTopic(connection, 't'))
      node.kill('SIGTERM')
      expect(await node.ended).toBe(0)
    },
    limitMs,
  )
})

describe('config check: finds what a start would refuse', () => {
  async function check(content: string): Promise<readonly [status: number | string, text: string]> {
    const file = join(folder, 'server.properties')
    writeFileSync(file, content)
    const checked = start(['config', 'check', file])
    running.push(checked)
    return [await checked.ended, checked.text()]
  }

  for (const [index, [line, validationError]] of [
    ['s3.wal.cache.size=64MB', 's3.wal.cache.size = 64000000 must divide the capacity of s3.wal.path, 2147483648'],
    ['listeners=PLAINTEXT://127.0.0.1:9404', 'metrics.listener: port 9404 is also used by listener PLAINTEXT'],
    [
      'listeners=PLAINTEXT://:9500\nmetrics.listener=http://127.0.0.1:9500',
      'metrics.listener: port 9500 is also used by listener PLAINTEXT',
    ],
    [
      's3.data.buckets=file:///proc/cpuinfo/x',
      's3.data.buckets: file:///proc/cpuinfo/x cannot be used: a part of its path is not a directory',
    ],
    ['log.dirs=/proc/cpuinfo', 'log.dirs = /proc/cpuinfo cannot be used: a part of its path is not a directory'],
    ['s3.wal.path=file:///tmp/w?capacity=3072GiB', 's3.wal.path: a write-ahead log of 3072GiB does not fit /tmp/w'],
  ].entries()) {
    test(line!, longIf(index % 3 !== 0, limitMs), async () => {
      const [status, text] = await check(`log.dirs=${data()}\n${line}`)
      expect(text).toContain(validationError)
      expect(status).toBe(1)
      expect(existsSync(data())).toBe(false)
    })
  }

  test(
    'nothing, where nothing is wrong',
    async () => {
      const [status, text] = await check(`log.dirs=${data()}\ns3.wal.path=file://?capacity=64MiB\ns3.wal.cache.size=32MiB`)
      expect([status, text]).toEqual([0, `${join(folder, 'server.properties')}: no errors\n`])
    },
    limitMs,
  )
})

describe('start: the log', () => {
  const isJson = (text: string): boolean =>
    text.split('\n').some((line) => line.startsWith('{"level":"info"') && JSON.parse(line).msg === 'listening')
  const isReadable = (text: string): boolean => /INFO.*: .*listening/.test(text)

  for (const [format, json, readable] of [
    ['json', true, false],
    ['auto', true, false],
    ['pretty', false, true],
  ] as const) {
    test(`log.format=${format} without a terminal`, longIf(format === 'json', limitMs), async () => {
      const { text } = await ready({ 'log.format': format })
      expect([isJson(text()), isReadable(text())]).toEqual([json, readable])
    })
  }

  test.runIf(spawnSync('script', ['--version']).status === 0)(
    'log.format=auto is readable on a terminal, but not in production',
    async () => {
      const terminal = { shell: 'exec script -qfec "$(printf "\'%s\' " "$@")" /dev/null;' }
      const readable = await ready({}, terminal)
      expect([isJson(readable.text()), isReadable(readable.text())]).toEqual([false, true])
      readable.kill('SIGKILL')
      await readable.ended
      ;[port] = (await freePorts(1)) as [number]
      const production = await ready({ 'log.dirs': join(folder, 'other') }, { ...terminal, env: { NODE_ENV: 'production' } })
      expect(isReadable(production.text())).toBe(false)
    },
    limitMs,
  )
})

test('start: --version prints the version', async () => {
  const printed = start(['--version'])
  expect(await printed.ended).toBe(0)
  expect(printed.text()).toMatch(/^millrace \d+\.\d+\.\d+\n$/)
})

for (const host of ['', '0.0.0.0']) {
  const title = `start: the welcome names an address that can be dialled for a listener on "${host}"`
  test(title, longIf(host !== '', limitMs), async () => {
    const node = await ready({ listeners: `PLAINTEXT://${host}:${port}` })
    expect(node.text()).toContain(`is ready at 127.0.0.1:${port}.`)
    await connected(port, (connection) => connection.call(api.metadata, requests.metadata(null)))
  })
}
