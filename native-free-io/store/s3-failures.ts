import type { FaultKind } from '../../src/ports/object-store.ts'
import type { RequestFailure } from './attempts.ts'
import { transportCodes } from './s3-transport.ts'

/** S3's own codes, where the status alone is ambiguous. */
const codes: Readonly<Record<string, FaultKind>> = {
  NoSuchKey: 'missing',
  NotFound: 'missing',
  PreconditionFailed: 'exists',
  // Two simultaneous conditional puts: the next attempt shows which one succeeded.
  ConditionalRequestConflict: 'unavailable',
  OperationAborted: 'unavailable',
  SlowDown: 'throttled',
  SlowDownRead: 'throttled',
  SlowDownWrite: 'throttled',
  TooManyRequests: 'throttled',
  RequestLimitExceeded: 'throttled',
  ThrottlingException: 'throttled',
  RequestTimeout: 'timeout',
  RequestTimeTooSkewed: 'skewed',
  RequestExpired: 'skewed',
  ExpiredToken: 'expired',
  ExpiredTokenException: 'expired',
  TokenRefreshRequired: 'expired',
  CredentialsProviderError: 'expired',
  BadDigest: 'corrupt',
  IncompleteBody: 'corrupt',
  XAmzContentSHA256Mismatch: 'corrupt',
  QuotaExceeded: 'full',
  XMinioStorageFull: 'full',
  NotImplemented: 'unsupported',
  InternalError: 'unavailable',
}

const statuses: Readonly<Record<number, FaultKind>> = {
  401: 'denied',
  403: 'denied',
  404: 'missing',
  408: 'timeout',
  412: 'exists',
  425: 'throttled',
  429: 'throttled',
  501: 'unsupported',
  503: 'throttled',
  507: 'full',
}

const transports: Readonly<Record<string, FaultKind>> = {
  [transportCodes.timeout]: 'timeout',
  [transportCodes.connect]: 'timeout',
  [transportCodes.body]: 'corrupt',
  [transportCodes.closed]: 'closed',
}

/** An error as thrown by the SDK. */
interface S3Error {
  readonly name?: string
  readonly message?: string
  readonly code?: string
  readonly Code?: string
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean }
}

/** S3's code of an error. */
export const codeOf = (error: unknown): string => (error as S3Error).Code ?? (error as S3Error).name ?? ''

/** Classifies an error for the next attempt. `hide` removes secrets from the store's message. */
export function failureOf(error: unknown, wasSent: boolean, hide: (text: string) => string): RequestFailure {
  const { message, code, $metadata } = error as S3Error
  const status = $metadata?.httpStatusCode
  const named = codeOf(error)
  const kind = kindOf(named, code, status)
  // The SDK marks every error with a wrong clock, even that of a missing key: it explains only a rejected request.
  const failure = $metadata?.clockSkewCorrected && (kind === 'denied' || kind === 'invalid') ? 'skewed' : kind
  // Without a response, or with an internal error of the server, the result of the operation is unknown.
  const isAmbiguous = wasSent && (failure === 'timeout' || failure === 'corrupt' || failure === 'throttled' || failure === 'unavailable')
  const detail = hide(
    [status, named === 'Error' ? code : named, firstLine(message)].filter((each) => each !== undefined && each !== '').join(' '),
  )
  return { failure, detail, mayBeDone: isAmbiguous || (wasSent && failure === 'closed') }
}

function kindOf(named: string, code: string | undefined, status: number | undefined): FaultKind {
  // A missing bucket is a wrong setting, not a missing object.
  if (named === 'NoSuchBucket' || named === 'NoSuchUpload') return 'invalid'
  const known = codes[named] ?? transports[code ?? '']
  if (known !== undefined) return known
  // Without a status there was no response: Node's code has the reason, and a retry may succeed.
  if (status === undefined) return 'unavailable'
  // HEAD has no body with details: status 400 means an expired token there.
  if (status === 400 && /^(Unknown(Error)?|400|BadRequest)?$/.test(named)) return 'expired'
  // A successful status with an unreadable body.
  if (status < 400) return 'corrupt'
  return statuses[status] ?? (status >= 500 ? 'unavailable' : 'invalid')
}

const detailMax = 200
const firstLine = (message: string | undefined): string => (message ?? '').split('\n')[0]!.slice(0, detailMax)
