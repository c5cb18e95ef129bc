import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** An account that may send requests. */
export interface Account {
  readonly secretKey: string
  readonly sessionToken?: string
  /** The credentials have expired. */
  readonly isExpired?: boolean
}

/** Reason for a rejected request: status, S3's code, and S3's message. */
export type S3Error = readonly [status: number, code: string, message: string]

/** Maximum clock difference accepted by S3. */
const skewMaxMs = 15 * 60_000

const header = (request: IncomingMessage, name: string): string => String(request.headers[name] ?? '')

/** The parts of a request's signature. */
interface Signed {
  readonly accessKey: string
  readonly day: string
  readonly region: string
  readonly names: readonly string[]
  readonly signature: string
}

function signedBy(request: IncomingMessage): Signed | undefined {
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header(request, 'authorization'),
    )
  if (found === null) return undefined
  const [, accessKey = '', day = '', region = '', names = '', signature = ''] = found
  return { accessKey, day, region, names: names.split(';'), signature }
}

/** Signature of a request or of its chunks, which differ in `kind` and `lines`. */
function signatureOf(request: IncomingMessage, { day, region }: Signed, secretKey: string, kind: string, lines: readonly string[]): string {
  const toSign = [`AWS4-HMAC-SHA256${kind}`, header(request, 'x-amz-date'), `${day}/${region}/s3/aws4_request`, ...lines].join('\n')
  const key = ['s3', 'aws4_request'].reduce((last, part) => hmac(last, part), hmac(hmac(`AWS4${secretKey}`, day), region))
  return hmac(key, toSign).toString('hex')
}

/** Undefined when the request has a valid signature (AWS Signature Version 4, in headers) of an account in `accounts`. */
export function checkSignature(request: IncomingMessage, accounts: ReadonlyMap<string, Account>, nowMs: number): S3Error | undefined {
  const signed = signedBy(request)
  if (signed === undefined) return [403, 'AccessDenied', 'Anonymous access is forbidden']
  const account = accounts.get(signed.accessKey)
  if (account === undefined) return [403, 'InvalidAccessKeyId', 'The access key does not exist']
  if (account.isExpired) return [400, 'ExpiredToken', 'The provided token has expired']
  if (header(request, 'x-amz-security-token') !== (account.sessionToken ?? ''))
    return [400, 'InvalidToken', 'The token is malformed or invalid']
  const date = header(request, 'x-amz-date')
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!(Math.abs(at - nowMs) <= skewMaxMs))
    return [403, 'RequestTimeTooSkewed', 'The difference between the request time and the current time is too large']
  const { names, signature } = signed
  if (!names.includes('host') || !names.includes('x-amz-date')) return [403, 'AccessDenied', 'Host and date must be signed']
  const lines = [sha256(canonicalRequest(request, names))]
  return signature === signatureOf(request, signed, account.secretKey, '', lines) ? undefined : mismatch
}

export const mismatch: S3Error = [
  403,
  'SignatureDoesNotMatch',
  'The request signature we calculated does not match the signature you provided',
]

/** Whether the next part of a body has a valid signature: a chunk, or the trailers, with their SHA-256 in hexadecimal. */
export type ChunkCheck = (kind: 'PAYLOAD' | 'TRAILER', hash: string, signature: string | undefined) => boolean

/** Every signature covers the previous one, the first that of the request. Requires a request with a valid signature. */
export function chunkCheck(request: IncomingMessage, accounts: ReadonlyMap<string, Account>): ChunkCheck {
  const signed = signedBy(request)!
  const { secretKey } = accounts.get(signed.accessKey)!
  let before = signed.signature
  return (kind, hash, signature) => {
    // The hash of a chunk's headers, which are always empty, precedes the hash of the chunk.
    const lines = kind === 'PAYLOAD' ? [before, sha256(''), hash] : [before, hash]
    before = signatureOf(request, signed, secretKey, `-${kind}`, lines)
    return signature === before
  }
}

function canonicalRequest(request: IncomingMessage, names: readonly string[]): string {
  const [path, query = ''] = request.url!.split('?') as [string, string?]
  const pairs = query
    .split('&')
    .filter((pair) => pair !== '')
    .map(
      (pair) => (pair.includes('=') ? pair : `${pair}=`).split('=', 2).map((part) => encoded(decodeURIComponent(part))) as [string, string],
    )
    .sort(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
  return [
    request.method,
    path
      .split('/')
      .map((part) => encoded(decodeURIComponent(part)))
      .join('/'),
    pairs.map(([name, value]) => `${name}=${value}`).join('&'),
    ...names.map((name) => `${name}:${header(request, name).trim().replace(/\s+/g, ' ')}`),
    '',
    names.join(';'),
    header(request, 'x-amz-content-sha256'),
  ].join('\n')
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const encoded = (part: string): string =>
  encodeURIComponent(part).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
