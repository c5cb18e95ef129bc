import { expect, test } from 'vitest'
import { measure } from '../../../bench/wire/codec.ts'
import { apiByKey, apiByName, apis, headerVersions } from '../../../src/wire/apis.ts'
import { controlKey, controlTypeOf } from '../../../src/wire/batch-builder.ts'
import { encode } from '../../../src/wire/codec.ts'
import { crc32c } from '../../../src/wire/crc32c.ts'
import { errorOf, errors } from '../../../src/wire/errors.ts'
import { RequestHeader, readRequestHeader } from '../../../src/wire/headers.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { rangeOf } from '../../../src/wire/schema.ts'

test('tables: there are 89 APIs, and none of those that were removed with ZooKeeper', () => {
  expect(apis.length).toBe(89)
  for (const key of [4, 5, 6, 7, 93, -1]) expect(apiByKey[key]).toBe(undefined)
})

test('tables: Produce is advertised from 0, and no other version below the served ones is advertised', () => {
  expect(apis.filter((api) => api.advertisedOldest !== api.oldest).map((api) => api.name)).toEqual(['Produce'])
  expect(apiByName.get('Produce')).toMatchObject({ oldest: 3, latest: 13, advertisedOldest: 0 })
})

test('tables: InitProducerId 6 is the only version that is not stable', () => {
  expect(apis.filter((api) => api.latestStable !== api.latest)).toMatchObject([{ name: 'InitProducerId', latest: 6, latestStable: 5 }])
})

test('tables: a flexible version has flexible headers, except in the response to ApiVersions', () => {
  const odd = new Set<string>()
  for (const api of apis) {
    for (let version = api.oldest; version <= api.latest; version++) {
      const flexible = api.request.flexible === 'none' ? Number.POSITIVE_INFINITY : rangeOf(api.request.flexible)[0]
      const [, request, response] = headerVersions(api, version)
      expect(request).toBe(version >= flexible ? 2 : 1)
      if (response !== request - 1) odd.add(api.name)
    }
  }
  expect([...odd]).toEqual(['ApiVersions'])
})

test('tables: a request header is read in the version that its first bytes imply', () => {
  const frame = (requestApiKey: number, requestApiVersion: number, header: number): Buffer =>
    encode(RequestHeader, header, { requestApiKey, requestApiVersion, correlationId: 5, clientId: 'c' })
  const read = (bytes: Buffer): [unknown, number] => {
    const reader = new Reader(bytes)
    return [readRequestHeader(reader)?.correlationId, reader.remaining]
  }
  expect(read(frame(0, 8, 1))).toEqual([5, 0])
  expect(read(frame(0, 9, 2))).toEqual([5, 0])
  expect(read(frame(18, 99, 2))).toEqual([5, 0])
  expect(readRequestHeader(new Reader(frame(7, 0, 1)))).toBe(undefined)
  expect(readRequestHeader(new Reader(frame(-5, 0, 1)))).toBe(undefined)
})

test('tables: every error code from -1 to 133 has one name', () => {
  const codes = Object.values(errors).map((error) => error.code)
  expect(codes).toEqual(Array.from({ length: 135 }, (_, index) => index - 1))
  expect(errorOf(3)).toBe(errors.UNKNOWN_TOPIC_OR_PARTITION)
  expect(errors.UNKNOWN_TOPIC_OR_PARTITION).toMatchObject({ code: 3, name: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true })
  expect(errorOf(999)).toBe(errors.UNKNOWN_SERVER_ERROR)
})

/** RFC 3720, appendix B.4. */
test('tables: CRC-32C agrees with the published values, in one piece and in two', () => {
  const ascending = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
  expect(crc32c(ascending)).toBe(0x46dd794e)
  expect(crc32c(ascending, 13, 32, crc32c(ascending, 0, 13))).toBe(0x46dd794e)
})

test('tables: a control record of a later type is undefined', () => {
  expect(controlTypeOf(controlKey('commit'))).toBe('commit')
  expect(controlTypeOf(Buffer.from('00000063', 'hex'))).toBe(undefined)
  expect(controlTypeOf(null)).toBe(undefined)
})

test('tables: the codec benchmark runs', () => {
  for (const row of measure(10)) expect(row.readNs).toBeGreaterThan(0)
})
