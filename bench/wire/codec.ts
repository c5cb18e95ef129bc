/** Nanoseconds to read and to write the messages of the hot path, compiled: `npm run build && node dist/bench/wire/codec.js`. */
import { pathToFileURL } from 'node:url'
import { ProduceRequest, ProduceResponse } from '../../src/wire/api/00-produce.ts'
import { FetchRequest } from '../../src/wire/api/01-fetch.ts'
import { MetadataResponse } from '../../src/wire/api/03-metadata.ts'
import { encode } from '../../src/wire/codec.ts'
import { compile } from '../../src/wire/compile.ts'
import { RequestHeader, readRequestHeader } from '../../src/wire/headers.ts'
import { interpret } from '../../src/wire/interpret.ts'
import { Reader } from '../../src/wire/reader.ts'
import { blank, defaultOf, type Fields, type Message, type Wire } from '../../src/wire/schema.ts'
import { Writer } from '../../src/wire/writer.ts'

export interface Row {
  readonly what: string
  readonly bytes: number
  readonly readNs: number
  readonly writeNs: number
  readonly interpretedReadNs: number
}

const topicId = Buffer.from('0123456789abcdef').toString('base64url')

const produce = (partitions: number): ProduceRequest => ({
  ...blank(ProduceRequest),
  acks: -1,
  timeoutMs: 30_000,
  topicData: [
    { name: 'orders', topicId, partitionData: Array.from({ length: partitions }, (_, index) => ({ index, records: Buffer.alloc(1024) })) },
  ],
})

const produced: ProduceResponse = {
  ...blank(ProduceResponse),
  responses: [{ name: 'orders', topicId, partitionResponses: [elementOf(ProduceResponse, 'responses', 'partitionResponses')] }],
}

const fetch = (partitions: number): FetchRequest => {
  const partition = elementOf(FetchRequest, 'topics', 'partitions') as FetchRequest['topics'][number]['partitions'][number]
  return {
    ...blank(FetchRequest),
    topics: [
      { topic: 'orders', topicId, partitions: Array.from({ length: partitions }, (_, index) => ({ ...partition, partition: index })) },
    ],
  }
}

const metadata = (partitions: number): MetadataResponse => ({
  ...blank(MetadataResponse),
  brokers: [{ nodeId: 1, host: 'broker-1.example.org', port: 9092, rack: null }],
  topics: [
    {
      errorCode: 0,
      name: 'orders',
      topicId,
      isInternal: false,
      topicAuthorizedOperations: -2147483648,
      partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
        errorCode: 0,
        partitionIndex,
        leaderId: 1,
        leaderEpoch: 3,
        replicaNodes: [1],
        isrNodes: [1],
        offlineReplicas: [],
      })),
    },
  ],
})

/** A default element of an array within an array. */
function elementOf(table: Message, outer: string, inner: string): never {
  return defaultOf(table.fields[outer]!.of!.fields![inner]!.of!) as never
}

/** `rounds` scales the work; one is enough for a test. */
export function measure(rounds: number): Row[] {
  return [
    row('Produce v13, 1 partition', ProduceRequest, 13, produce(1), rounds),
    row('Produce v9, 1 partition', ProduceRequest, 9, produce(1), rounds),
    row('Produce v13, 100 partitions', ProduceRequest, 13, produce(100), rounds / 50),
    row('Produce response v13', ProduceResponse, 13, produced, rounds),
    row('Fetch v18, 1 partition', FetchRequest, 18, fetch(1), rounds),
    row('Fetch v18, 100 partitions', FetchRequest, 18, fetch(100), rounds / 50),
    row('Metadata response v13, 100 partitions', MetadataResponse, 13, metadata(100), rounds / 50),
    headerRow(rounds),
  ]
}

function row<F extends Fields>(what: string, table: Message<F>, version: number, value: Wire<Message<F>>, rounds: number): Row {
  const bytes = encode(table, version, value)
  const codec = compile(table, version)
  const slow = interpret(table, version)
  const reader = new Reader(bytes)
  const writer = new Writer(Buffer.allocUnsafeSlow(bytes.length + 16))
  return {
    what,
    bytes: bytes.length,
    readNs: nanoseconds(rounds, () => codec.read(reader.reset(0, bytes.length))),
    writeNs: nanoseconds(rounds, () => codec.write(writer.reset(), value)),
    interpretedReadNs: nanoseconds(rounds / 10, () => slow.read(reader.reset(0, bytes.length))),
  }
}

function headerRow(rounds: number): Row {
  const value = { requestApiKey: 0, requestApiVersion: 13, correlationId: 7, clientId: 'producer-1' }
  const bytes = encode(RequestHeader, 2, value)
  const codec = compile(RequestHeader, 2)
  const reader = new Reader(bytes)
  const writer = new Writer(Buffer.allocUnsafeSlow(64))
  const slow = interpret(RequestHeader, 2)
  return {
    what: 'Request header v2',
    bytes: bytes.length,
    readNs: nanoseconds(rounds, () => readRequestHeader(reader.reset(0, bytes.length))),
    writeNs: nanoseconds(rounds, () => codec.write(writer.reset(), value)),
    interpretedReadNs: nanoseconds(rounds / 10, () => slow.read(reader.reset(0, bytes.length))),
  }
}

/** The best of five: other load on the machine only adds time. */
function nanoseconds(rounds: number, body: () => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let pass = 0; pass < 5; pass++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < rounds; i++) body()
    best = Math.min(best, Number(process.hrtime.bigint() - start) / Math.max(1, Math.ceil(rounds)))
  }
  return best
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const one of measure(100_000)) {
    const numbers = [one.readNs, one.writeNs, one.interpretedReadNs].map((ns) => `${ns.toFixed(0).padStart(8)} ns`)
    console.log(
      `${one.what.padEnd(40)} ${String(one.bytes).padStart(7)} B   read${numbers[0]}   write${numbers[1]}   interpreted read${numbers[2]}`,
    )
  }
}
