import { apiByKey, headerVersions } from './apis.ts'
import { codec } from './codec.ts'
import type { Codec } from './message-codec.ts'
import type { Reader } from './reader.ts'
import type { Wire } from './schema.ts'
import { int16, int32, message, string } from './schema.ts'

/**
 * The header of a request.
 *
 * v1  client id
 * v2  tagged fields
 *
 * The client id keeps its int16 length in v2: a broker must be able to read it before it has checked the API version.
 */
export const RequestHeader = message(
  'RequestHeader',
  { versions: '1-2', flexible: '2+' },
  {
    requestApiKey: int16(),
    requestApiVersion: int16(),
    correlationId: int32(),
    clientId: string({ nullable: '1+', ignorable: true, flexible: 'none' }),
  },
)
export type RequestHeader = Wire<typeof RequestHeader>

/** The header of a response. v1 has tagged fields. */
export const ResponseHeader = message('ResponseHeader', { versions: '0-1', flexible: '1+' }, { correlationId: int32() })
export type ResponseHeader = Wire<typeof ResponseHeader>

const byVersion: readonly (Codec<RequestHeader> | undefined)[] = [undefined, codec(RequestHeader, 1), codec(RequestHeader, 2)]

/**
 * Reads the header of a frame, in the version that its first four bytes imply.
 * Undefined for an unassigned API key: the rest cannot be parsed, and the connection must be closed.
 */
export function readRequestHeader(r: Reader): RequestHeader | undefined {
  const start = r.at
  const api = apiByKey[r.int16()]
  const version = r.int16()
  if (api === undefined) return undefined
  r.at = start
  return byVersion[headerVersions(api, version)[1]]!.read(r)
}
