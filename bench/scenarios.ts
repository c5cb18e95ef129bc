import type { Codec } from '../test/support/kafka-codecs.ts'
import type { ProduceLoad } from './load/messages.ts'

/** Targets of Millrace against a peer: at least this multiple of the throughput, at most this multiple of the others. */
export interface Target {
  readonly throughput?: number
  readonly cpu?: number
  readonly p99?: number
  readonly p999?: number
}

/** Targets that need no peer. */
export interface Limits {
  readonly slowestWindowMin?: number
  readonly writtenPerByteMax?: number
  readonly readPerByteMax?: number
  readonly startMsMax?: number
  readonly idleCpuPercentMax?: number
}

interface Common {
  readonly name: string
  /** Accepted by `--scenario` besides the name. */
  readonly group: string
  readonly about: string
  readonly targets: { readonly [peer: string]: Target }
}

export type Shape = Pick<
  ProduceLoad,
  'partitions' | 'connections' | 'idleConnections' | 'inFlight' | 'batchBytes' | 'recordBytes' | 'mibPerSecond'
> & {
  /** `batchBytes` are those before compression; throughput counts those after it. */
  readonly codec?: Codec
}

export type Scenario =
  | (Common & { readonly kind: 'produce'; readonly shape: Shape; readonly withTail: boolean })
  | (Common & { readonly kind: 'requests'; readonly shape: Shape })
  | (Common & { readonly kind: 'sustained'; readonly shape: Shape; readonly limits: Limits })
  | (Common & { readonly kind: 'offered'; readonly shape: Shape; readonly withCatchUp: boolean })
  | (Common & { readonly kind: 'behind'; readonly shape: Shape })
  | (Common & { readonly kind: 'java-produce'; readonly recordBytes: number })
  | (Common & { readonly kind: 'java-consume'; readonly byGroup: boolean })
  | (Common & { readonly kind: 'read' })
  | (Common & { readonly kind: 'startup' })
  | (Common & { readonly kind: 'partitions'; readonly partitions: number; readonly limits: Limits })

const oneByFive: Shape = { partitions: 1, connections: 1, inFlight: 5, batchBytes: 64 << 10, recordBytes: 1024, mibPerSecond: null }
const fourByFive: Shape = { ...oneByFive, connections: 4, batchBytes: 16 << 10 }
const twoByFive: Shape = { ...oneByFive, connections: 2, batchBytes: 1 << 20 }

const produce = (name: string, group: string, about: string, shape: Shape, targets: Common['targets'], withTail = false): Scenario => ({
  kind: 'produce',
  name,
  group,
  about,
  shape,
  withTail,
  targets,
})

const halfCpu = 0.5
const equal = { kafka: { p99: 1 } }

/** The rows that decide whether the write path is fast enough; each with its peer. */
const decisive: readonly Scenario[] = [
  produce('64k', '64k', '64 KiB batches of 1 KiB, 1 connection x 5', oneByFive, {
    kafka: { throughput: 1.7, cpu: halfCpu },
    'kafka-flushed': { throughput: 4 },
  }),
  produce('16k', '16k', '16 KiB batches of 1 KiB, 4 connections x 5', fourByFive, {
    kafka: { throughput: 2, cpu: halfCpu },
    'kafka-flushed': { throughput: 10 },
  }),
  produce(
    '100b',
    '100b',
    '16 KiB batches of 100 B, 4 connections x 5',
    { ...fourByFive, recordBytes: 100 },
    {
      kafka: { throughput: 2, cpu: halfCpu },
      'kafka-flushed': { throughput: 10 },
    },
  ),
  produce('1mb', '1mb', '1 MiB batches of 1 KiB, 2 connections x 5', twoByFive, {
    kafka: { throughput: 1.2, cpu: 1, p99: 1 },
    'kafka-flushed': { throughput: 2 },
  }),
  requests('requests-100b', 100, 32, 1, 1.3),
  requests('requests-1k', 1024, 16, 5, 2.5),
  produce('paced-50', 'paced', '50 MiB/s offered, 16 KiB batches of 1 KiB', { ...fourByFive, mibPerSecond: 50 }, equal),
  produce('paced-100', 'paced', '100 MiB/s offered, 16 KiB batches of 1 KiB', { ...fourByFive, mibPerSecond: 100 }, equal),
  java('java-1k', 1024),
  java('java-100b', 100),
  {
    kind: 'java-consume',
    name: 'consume',
    group: 'consume',
    about: 'Java consumer with an assigned partition, 1 KiB',
    byGroup: false,
    targets: { kafka: { throughput: 1.1, cpu: halfCpu } },
  },
  {
    kind: 'java-consume',
    name: 'consume-group',
    group: 'consume-group',
    about: 'ConsumerPerformance (a group of one), 1 KiB',
    byGroup: true,
    targets: {},
  },
  { kind: 'read', name: 'read', group: 'consume', about: 'own consumer, 1 MiB a partition and fetch, 1 KiB', targets: {} },
  { kind: 'startup', name: 'startup', group: 'startup', about: 'start to first acknowledged record', targets: {} },
]

/** Small synchronous requests: each has one batch of one record. */
function requests(name: string, recordBytes: number, connections: number, inFlight: number, throughput: number): Scenario {
  const about = `one record of ${recordBytes} B in each request, ${connections} connections x ${inFlight}`
  const shape = { partitions: 1, connections, inFlight, batchBytes: recordBytes, recordBytes, mibPerSecond: null }
  return { kind: 'requests', name, group: 'requests', about, shape, targets: { kafka: { throughput } } }
}

function java(name: string, recordBytes: number): Scenario {
  const about = `ProducerPerformance, ${recordBytes} B, acks=all`
  return { kind: 'java-produce', name, group: 'java', about, recordBytes, targets: { kafka: { throughput: 1.15, cpu: halfCpu } } }
}

/** One and sixteen partitions, three sizes of record, alone and with a consumer at the end of the log. */
const matrix: readonly Scenario[] = [1, 16].flatMap((partitions) =>
  [100, 1 << 10, 16 << 10].flatMap((recordBytes) =>
    [false, true].map((withTail) => {
      const shape = { ...fourByFive, partitions, recordBytes, batchBytes: recordBytes > 1024 ? 64 << 10 : 16 << 10 }
      const size = recordBytes < 1024 ? `${recordBytes}b` : `${recordBytes / 1024}k`
      const about = `${partitions} partition${partitions > 1 ? 's' : ''}, ${size} records, 4 x 5${withTail ? ', one tail consumer' : ''}`
      return produce(`${partitions}p-${size}${withTail ? '-tail' : ''}`, 'matrix', about, shape, {}, withTail)
    }),
  ),
)

/** Batches that producers have compressed, of JSON-like records: both brokers decompress and validate every record. */
const compressed: readonly Scenario[] = (['snappy', 'lz4', 'zstd', 'gzip'] as const).flatMap((codec) =>
  ([64, 16] as const).map((kib) => {
    const shape = { ...fourByFive, codec, batchBytes: kib << 10, recordBytes: kib === 64 ? 1024 : 100 }
    const about = `${codec}, ${kib} KiB of ${kib === 64 ? '1 KiB' : '100 B'} JSON-like records before compression, 4 connections x 5`
    return produce(`${codec}-${kib}k`, 'compressed', about, shape, { kafka: { throughput: codec === 'gzip' ? 1 : 1.3, cpu: 0.7 } })
  }),
)

const limits: Limits = { slowestWindowMin: 0.85, writtenPerByteMax: 1.15, readPerByteMax: 0.05 }

/** At saturation for two minutes, which neither a write-ahead log nor a page cache can absorb. */
const sustained: readonly Scenario[] = [1, 100].flatMap((partitions) =>
  [oneByFive, fourByFive].map((shape): Scenario => {
    const kib = shape.batchBytes / 1024
    return {
      kind: 'sustained',
      name: `sustained-${kib}k${partitions > 1 ? `-${partitions}p` : ''}`,
      group: 'sustained',
      about: `${kib} KiB batches of 1 KiB, ${shape.connections} x 5, ${partitions} partition${partitions > 1 ? 's' : ''}, at saturation for 120 s`,
      shape: { ...shape, partitions },
      targets: { kafka: { throughput: kib === 64 ? 1.7 : 2, p99: 1, p999: 1 } },
      limits,
    }
  }),
)

/** For a minute each: latency with a consumer at the end of the log, alone and beside a catch-up reader. */
const offered: readonly Scenario[] = [20, 50, 100].flatMap((mibPerSecond) =>
  [false, true].map((withCatchUp): Scenario => {
    const readers = `a consumer at the end${withCatchUp ? ' and a catch-up reader' : ''}`
    return {
      kind: 'offered',
      name: `offered-${mibPerSecond}${withCatchUp ? '-catch-up' : ''}`,
      group: 'offered',
      about: `${mibPerSecond} MiB/s offered, 16 KiB batches of 1 KiB, ${readers}`,
      shape: { ...fourByFive, mibPerSecond },
      withCatchUp,
      targets: equal,
    }
  }),
)

/** A consumer of a topic of 10 GiB, while a producer continues. */
const behind: readonly Scenario[] = [null, 50].map((mibPerSecond): Scenario => {
  const name = mibPerSecond === null ? 'behind' : `behind-${mibPerSecond}`
  const rate = mibPerSecond === null ? 'at saturation' : `at ${mibPerSecond} MiB/s`
  const about = `a consumer of a backlog of 10 GiB behind a producer ${rate}, 64 KiB batches of 1 KiB, 1 x 5`
  return { kind: 'behind', name, group: 'behind', about, shape: { ...oneByFive, mibPerSecond }, targets: equal }
})

/** As many applications keep a cluster: most connections wait, and each of the others has one request in flight. */
const connections: Scenario = {
  kind: 'requests',
  name: 'connections',
  group: 'connections',
  about: 'one record of 1 KiB in each request, 500 connections x 1, and 1,500 connections that are idle',
  shape: { ...oneByFive, connections: 500, idleConnections: 1500, inFlight: 1, batchBytes: 1024 },
  targets: equal,
}

const partitions: Scenario = {
  kind: 'partitions',
  name: 'partitions',
  group: 'partitions',
  about: '10,000 partitions with a record each: start after a kill, and idle',
  partitions: 10_000,
  targets: {},
  limits: { startMsMax: 3000, idleCpuPercentMax: 2 },
}

export const scenarios: readonly Scenario[] = [
  ...decisive,
  ...compressed,
  ...matrix,
  ...sustained,
  ...offered,
  ...behind,
  connections,
  partitions,
]

/** `consume-group` needs a group coordinator, and the others take half an hour: they run only when they are selected. */
const onRequest = new Set(['consume-group', 'sustained', 'offered', 'behind', 'connections', 'partitions'])

/** Writes more than the disk keeps, so records beyond the retention size and deleted topics must be deleted soon. */
export const isVoluminous = ({ kind }: Scenario): boolean => kind === 'sustained' || kind === 'offered' || kind === 'behind'

export function chosen(names: readonly string[]): readonly Scenario[] {
  if (names.length === 0) return scenarios.filter((each) => !onRequest.has(each.group))
  const found = scenarios.filter((each) => names.includes(each.name) || names.includes(each.group))
  const known = new Set(scenarios.flatMap((each) => [each.name, each.group]))
  const unknown = names.filter((name) => !known.has(name))
  if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(', ')}; there are ${[...known].join(', ')}`)
  return found
}
