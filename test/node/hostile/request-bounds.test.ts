import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../src/wire/api/32-describe-configs.ts'
import {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../../../src/wire/api/50-describe-user-scram-credentials.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { Writer } from '../../support/bytes.ts'
import { Connection, connected } from '../../support/connection.ts'
import * as requests from '../../support/requests.ts'
import { api } from '../../support/requests.ts'
import { WireClient } from '../../support/wire-client.ts'

const limitMs = 60_000
const tenMillion = 10_000_000
/** Maximum growth of the resident set caused by four rejected requests: buffers of the sockets. */
const flatMib = 24
/** Maximum growth for requests of a valid size: receive buffers are used until the counts are read. */
const receivedMib = 64

function uvarint(value: number): Buffer {
  const out: number[] = []
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) out.push((rest & 0x7f) | 0x80)
  return Buffer.from([...out, rest])
}

/** Tags 0, 1, 2, …, each without a value. */
function manyTags(count: number): Buffer {
  const out = Buffer.alloc(count * 5)
  let at = 0
  for (let tag = 0; tag < count; tag++) {
    let rest = tag
    for (; rest > 0x7f; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80
    out[at++] = rest
    out[at++] = 0
  }
  return Buffer.concat([uvarint(count), out.subarray(0, at)])
}

const header = (key: number, version: number): Writer => new Writer().int16(key).int16(version).int32(1).string('client')
const framed = (...parts: Uint8Array[]): Buffer => new Writer().bytes(Buffer.concat(parts)).finish()
const noTags = Buffer.from([0])

const tags = manyTags(tenMillion)
const hostile: Readonly<Record<string, Buffer>> = {
  'ApiVersions with tagged fields in the header': framed(header(18, 3).finish(), tags),
  'Metadata with tagged fields in the header': framed(header(3, 12).finish(), tags),
  'Metadata with tagged fields in the body': framed(header(3, 12).finish(), noTags, Buffer.from([0, 0, 0]), tags),
  'Fetch with tagged fields in the header': framed(header(1, 12).finish(), tags),
  'Metadata with empty topics': framed(header(3, 9).finish(), noTags, uvarint(5_000_001), Buffer.alloc(10_000_000, Buffer.from([1, 0]))),
  'DeleteGroups with empty groups': framed(header(42, 2).finish(), noTags, uvarint(10_000_001), Buffer.alloc(10_000_000, 1), noTags),
  'ListOffsets with empty topics': framed(
    header(2, 7).finish(),
    noTags,
    Buffer.from([255, 255, 255, 255, 0]),
    uvarint(3_000_001),
    Buffer.alloc(9_000_000, Buffer.from([1, 1, 0])),
    Buffer.from([0]),
  ),
}

const isolation = Buffer.from([255, 255, 255, 255, 0])
const fitting = { groups: 7_000_000, topics: 2_500_000 } as const
Object.assign(hostile, {
  'DeleteGroups, within its size, with empty groups': framed(
    ...[header(42, 2).finish(), noTags, uvarint(fitting.groups + 1), Buffer.alloc(fitting.groups, 1), noTags],
  ),
  'ListOffsets, within its size, with empty topics': framed(
    ...[
      header(2, 7).finish(),
      noTags,
      isolation,
      uvarint(fitting.topics + 1),
      Buffer.alloc(3 * fitting.topics, Buffer.from([1, 1, 0])),
      noTags,
    ],
  ),
})

let broker: Broker

beforeAll(async () => {
  broker = await startBroker({ settings: { 'auto.create.topics.enable': 'false' } })
  await connected(broker.port, (connection) => connection.call(api.metadata, requests.metadata(null)))
}, limitMs)

afterAll(() => broker?.remove())

describe('request bounds: requests with counts that no client sends', () => {
  for (const [name, frame] of Object.entries(hostile)) {
    const boundMib = frame.length > 8 << 20 ? flatMib : receivedMib
    test(
      `dispatcher: ${name} end their connections, and four at once leave memory as it was`,
      async () => {
        const before = broker.figures().rssMib
        const connections = await Promise.all(Array.from({ length: 4 }, () => Connection.open(broker.port)))
        for (const connection of connections) connection.send(frame)
        let peak = 0
        for (let tries = 0; tries < 500 && connections.some(({ isClosed }) => !isClosed); tries++) {
          peak = Math.max(peak, broker.figures().rssMib)
          await pause(10)
        }
        expect(connections.map(({ isClosed }) => isClosed)).toEqual([true, true, true, true])
        await connected(broker.port, (connection) => connection.call(api.metadata, requests.metadata(null)))
        expect(Math.max(peak, broker.figures().rssMib) - before).toBeLessThan(boundMib)
      },
      limitMs,
    )
  }
})

test(
  'handlers: a resource that a DescribeConfigs names 100,000 times is answered a hundred times, and soon',
  async () => {
    const client = await WireClient.open(broker.port)
    const resource = { resourceType: 4, resourceName: '1', configurationKeys: null }
    const began = performance.now()
    const { results } = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, {
      resources: Array.from({ length: 100_000 }, () => resource),
      includeDocumentation: true,
    })
    expect(results.length).toBe(101)
    expect(results[0]!.configs.length).toBeGreaterThan(100)
    expect(performance.now() - began).toBeLessThan(5_000)
    client.close()
  },
  limitMs,
)

test(
  'handlers: 100,000 users of a DescribeUserScramCredentials delay no other client for long',
  async () => {
    const client = await WireClient.open(broker.port)
    const users = Array.from({ length: 100_000 }, (_, i) => ({ name: `user-${i}` }))
    const began = performance.now()
    const { results } = await client.call(DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, 0, { users })
    expect(results.length).toBe(100_000)
    expect(performance.now() - began).toBeLessThan(5_000)
    client.close()
  },
  limitMs,
)

test('reader: tagged fields are bounded in a struct and in a message', () => {
  const fits = Buffer.concat([uvarint(64), ...Array.from({ length: 64 }, (_, tag) => Buffer.from([tag, 0]))])
  new Reader(fits).skipTags()
  const tooMany = Buffer.concat([uvarint(65), Buffer.alloc(130)])
  expect(() => new Reader(tooMany).skipTags()).toThrow('expected at most 64 tagged fields in a struct, found 65, at byte 1')
  const inMessage = new Reader(Buffer.concat([fits, fits]), 50)
  inMessage.skipTags()
  expect(() => inMessage.skipTags()).toThrow('expected at most 100 tagged fields in a message, found 64 more')
})
