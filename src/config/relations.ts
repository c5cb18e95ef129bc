import { batchBytesAllowed, batchBytesMax } from './batch-limit.ts'
import { isEverywhere, isLoopback, type Protocol } from './listeners.ts'
import type { Settings } from './settings.ts'
import { sharedMemory, sharedMemoryMax } from './shared-memory.ts'

/** Required relations between settings, which no single row can state: the error, or undefined. */
export type Relation = (settings: Settings) => string | undefined

/** Without a map, a listener uses the protocol with its own name; a controller listener uses PLAINTEXT. */
export function protocolOf(settings: Settings, listener: string): Protocol | undefined {
  const mapped = settings['listener.security.protocol.map'].get(listener)
  return mapped ?? (controllerNames(settings).includes(listener) ? 'PLAINTEXT' : undefined)
}

export const controllerNames = (settings: Settings): readonly string[] =>
  (settings['controller.listener.names'] ?? []).map((name) => name.toUpperCase())

const names = (settings: Settings): string[] => settings.listeners.map((listener) => listener.name)
const missing = (expected: readonly string[], from: readonly string[]): string | undefined => expected.find((name) => !from.includes(name))

const overlap = (one: string, other: string): boolean => one === other || isEverywhere(one) || isEverywhere(other)

/** The size field before a request. */
const requestSizeBytes = 4

export const relations: readonly Relation[] = [
  (s) => (s.listeners.some((l) => !controllerNames(s).includes(l.name)) ? undefined : 'listeners must contain a listener for clients'),
  (s) => {
    const odd = s.listeners.find((listener) => protocolOf(s, listener.name) === undefined)
    return odd && `listeners: ${odd.name} must have a protocol in listener.security.protocol.map`
  },
  (s) => {
    const odd = s.listeners.find((listener) => (protocolOf(s, listener.name) ?? 'PLAINTEXT') !== 'PLAINTEXT')
    return odd && `listeners: ${odd.name} uses ${protocolOf(s, odd.name)}, which is not supported: only PLAINTEXT is`
  },
  (s) => {
    const ports = s.listeners.map((listener) => listener.port).filter((port) => port !== 0)
    const twice = ports.find((port, index) => ports.indexOf(port) !== index)
    return twice === undefined ? undefined : `listeners must have different ports: ${twice} is used twice`
  },
  (s) => {
    const odd = missing(
      (s['advertised.listeners'] ?? []).map((listener) => listener.name),
      names(s),
    )
    return odd && `advertised.listeners must name listeners: ${odd} is none`
  },
  (s) => {
    const odd = missing(controllerNames(s), names(s))
    return odd && `controller.listener.names must name listeners: ${odd} is none`
  },
  (s) => {
    const name = s['inter.broker.listener.name']?.toUpperCase()
    return name === undefined || names(s).includes(name) ? undefined : `inter.broker.listener.name must name a listener: ${name} is none`
  },
  (s) => {
    const odd = (s['advertised.listeners'] ?? []).find((listener) => isEverywhere(listener.host))
    return odd && `advertised.listeners: ${odd.name} must have a host that clients can dial`
  },
  (s) =>
    s['group.min.session.timeout.ms'] <= s['group.max.session.timeout.ms']
      ? undefined
      : 'group.min.session.timeout.ms must not be above group.max.session.timeout.ms',
  ...(['session.timeout.ms', 'heartbeat.interval.ms', 'assignment.interval.ms'] as const).map((name): Relation => {
    const [least, most, own] = [`group.consumer.min.${name}`, `group.consumer.max.${name}`, `group.consumer.${name}`] as const
    return (s) => {
      if (s[most] < s[least]) return `${most} must not be below ${least}`
      return s[own] < s[least] || s[own] > s[most] ? `${own} must be from ${least} to ${most}` : undefined
    }
  }),
  (s) =>
    s['group.consumer.heartbeat.interval.ms'] < s['group.consumer.session.timeout.ms']
      ? undefined
      : 'group.consumer.heartbeat.interval.ms must be below group.consumer.session.timeout.ms',
  (s) => {
    const wal = s['s3.wal.path']
    return wal.scheme !== 'file' || wal.capacityBytes >= s['s3.wal.cache.size']
      ? undefined
      : 's3.wal.path must have a capacity of at least s3.wal.cache.size'
  },
  (s) => {
    const [wal, cache] = [s['s3.wal.path'], s['s3.wal.cache.size']]
    // Of a device, the largest usable size is a multiple.
    if (wal.scheme === 'file' && wal.path?.startsWith('/dev/')) return undefined
    return wal.scheme !== 'file' || wal.capacityBytes < cache || wal.capacityBytes % cache === 0
      ? undefined
      : `s3.wal.cache.size = ${cache} must divide the capacity of s3.wal.path, ${wal.capacityBytes}, such as 67108864 (64MiB)`
  },
  (s) => {
    const metrics = s['metrics.listener']
    const same = s.listeners.find(
      ({ host, port }) => metrics !== null && port !== 0 && port === metrics.port && overlap(host, metrics.host),
    )
    return same && `metrics.listener: port ${same.port} is also used by listener ${same.name}`
  },
  (s) =>
    s['s3.wal.path'].scheme === 'file' || s['cluster.id'] !== null
      ? undefined
      : 'cluster.id must be given with a write-ahead log on s3://: a node with an empty disk finds the log by it',
  (s) =>
    s['s3.wal.path'].scheme === 'file' || s['s3.data.buckets'] !== null
      ? undefined
      : 's3.data.buckets must be given with a write-ahead log on s3://: without it, all but the newest records would be on the disk',
  (s) => {
    const wal = s['s3.wal.path']
    return wal.scheme === 'file' || wal.batchBytesMax <= s['s3.wal.cache.size'] / 2
      ? undefined
      : 's3.wal.path: maxBytesInBatch must be at most half of s3.wal.cache.size, where it is buffered'
  },
  (s) => {
    const bytes = s['queued.max.requests.size.bytes']
    return Number.isInteger(Math.log2(bytes))
      ? undefined
      : `queued.max.requests.size.bytes = ${bytes} must be a power of two, such as 134217728`
  },
  (s) => {
    const [request, all] = [s['socket.request.max.bytes'], s['queued.max.requests.size.bytes']]
    const most = all - requestSizeBytes
    return request <= most
      ? undefined
      : `socket.request.max.bytes = ${request} must be from 1 to ${most}, the largest request that fits queued.max.requests.size.bytes`
  },
  (s) => {
    if (s['sequencer.thread'] !== 'network') return undefined
    const several = (['num.network.threads', 'lanes'] as const).find((name) => (s[name] ?? 1) > 1)
    return several && `sequencer.thread = network needs one network thread and one lane, but ${several} = ${s[several]}`
  },
  (s) => {
    const bytes = sharedMemory(s, s['num.network.threads'] ?? 1, s.lanes ?? 1)
    return bytes <= sharedMemoryMax
      ? undefined
      : `num.network.threads, each with queued.max.requests.size.bytes, and lanes, each with s3.wal.cache.size, use ${bytes} bytes together: must be at most ${sharedMemoryMax}`
  },
  (s) => {
    const bytes = s['message.max.bytes']
    return bytes <= batchBytesMax(s) ? undefined : `message.max.bytes = ${bytes} ${batchBytesAllowed(s)}`
  },
]

/** Allowed settings that cause a warning. */
export const warnings: readonly Relation[] = [
  (s) => {
    const open = s.listeners.find((listener) => !controllerNames(s).includes(listener.name) && !isLoopback(listener.host))
    return (
      open && `listeners: ${open.name} uses PLAINTEXT on an address that is not loopback: every client that can connect has full access`
    )
  },
  (s) => {
    const embedded = s.listeners.find((listener) => controllerNames(s).includes(listener.name))
    return embedded && `listeners: ${embedded.name} is not opened: the controller is embedded and has no listener yet`
  },
  (s) => (s['default.replication.factor'] > 1 ? 'default.replication.factor is recorded with topics, but one copy is kept' : undefined),
]
