import { expect, test } from 'vitest'
import { below, prng } from '../../../src/base/prng.ts'
import { handlers } from '../../../src/broker/handlers.ts'
import { anonymous } from '../../../src/network/client-session.ts'
import { MetadataRequest } from '../../../src/wire/api/03-metadata.ts'
import { ApiVersionsRequest } from '../../../src/wire/api/18-api-versions.ts'
import { blank } from '../../../src/wire/schema.ts'
import { brokerWorld, frame } from './broker-world.ts'

const session = { listener: 'PLAINTEXT', host: '127.0.0.1', principal: anonymous }

const metadataFrame = (): Buffer => frame(MetadataRequest, 12, { ...blank(MetadataRequest), topics: [] })

const with16 =
  (value: number, at: number) =>
  (request: Buffer): Buffer => {
    request.writeInt16BE(value, at)
    return request
  }

test.each<[string, (request: Buffer) => Buffer, RegExp]>([
  ['an unknown API', with16(999, 0), /unsupported API key 999/],
  ['an unsupported API', with16(88, 0), /StreamsGroupHeartbeat is not supported/],
  ['an API of the network workers', with16(0, 0), /Produce is not supported/],
  ['an unsupported version', with16(14, 2), /Metadata version 14 is not supported/],
  ['a negative version', with16(-1, 2), /Metadata version -1 is not supported/],
  ['a truncated body', (request) => request.subarray(0, -1), /expected/],
  ['a truncated header', (request) => request.subarray(0, 7), /expected/],
  ['an empty frame', () => Buffer.alloc(0), /expected/],
])('broker: %s ends the connection', async (_, change, why) => {
  const { broker, reported } = await brokerWorld()
  const answer = await broker.handle(session, change(metadataFrame()))
  expect(answer).toEqual({ type: 'close', because: expect.stringMatching(why) })
  expect(reported).toEqual([])
})

test('broker: bytes after a body are ignored', async () => {
  const { broker } = await brokerWorld()
  const answer = await broker.handle(session, Buffer.concat([metadataFrame(), Buffer.alloc(9, 7)]))
  expect(answer.type).toBe('respond')
})

test('broker: a response is a buffer of its own, to be handed to another thread', async () => {
  const { broker } = await brokerWorld()
  const answer = await broker.handle(session, frame(ApiVersionsRequest, 0, blank(ApiVersionsRequest)))
  expect(answer.type === 'respond' && answer.bytes.buffer.byteLength).toBeLessThanOrEqual(1024)
})

test('broker: every served version answers a request of defaults', async () => {
  const world = await brokerWorld()
  for (const { api, request, response, oldest, latest } of handlers) {
    for (let version = oldest; version <= latest; version++) {
      const answer = await world.call(request, response, version, api.name === 'ApiVersions' ? { clientSoftwareName: 'a' } : {})
      expect(answer, `${api.name} ${version}`).toBeTypeOf('object')
    }
  }
  expect(world.reported).toEqual([])
})

test('broker: no bytes make a handler fail', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32))
  const random = prng(seed)
  const { broker, reported } = await brokerWorld()
  for (let round = 0; round < 3000; round++) {
    const { request, oldest, latest } = handlers[below(random, handlers.length)]!
    const version = oldest + below(random, latest - oldest + 1)
    const bytes = frame(request, version, blank(request))
    const longer = Buffer.concat([bytes, Buffer.alloc(below(random, 40))])
    for (let flips = below(random, 12); flips >= 0; flips--) longer[8 + below(random, longer.length - 8)] = below(random, 256)
    await broker.handle(session, longer)
    expect(reported, `SEED=${seed}, round ${round}`).toEqual([])
  }
})
