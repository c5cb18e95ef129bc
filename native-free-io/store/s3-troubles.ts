import type { FaultKind } from '../../src/ports.ts'
import type { RequestFailure } from './attempts.ts'
import { transportCodes } from './s3-transport.ts'

/** S3's own codes, where the status alone does not say it. */
const codes: Readonly<Record<string, FaultKind>> = {
  NoSuchKey: 'missing',
  NotFound: 'missing',
  PreconditionFailed: 'exists',
  // Two conditional puts at the same time: which of them won is known at the next try.
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

/** An error as the SDK throws it. */
interface S3Error {
  readonly name?: string
  readonly message?: string
  readonly code?: string
  readonly Code?: string
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean }
}

/** S3's code for what went wrong. */
export const codeOf = (error: unknown): string => (error as S3Error).Code ?? (error as S3Error).name ?? ''

/** What an error means for the next try. `hide` takes secrets out of what the store said. */
export function troubleOf(error: unknown, wasSent: boolean, hide: (text: string) => string): RequestFailure {
  const { message, code, $metadata } = error as S3Error
  const status = $metadata?.httpStatusCode
  const named = codeOf(error)
  const kind = kindOf(named, code, status)
  // The SDK notes a wrong clock on every error, that of a key that is not there among them: it explains only a refusal.
  const trouble = $metadata?.clockSkewCorrected && (kind === 'denied' || kind === 'invalid') ? 'skewed' : kind
  // Before an answer, or with one of the server's own failures, nobody knows what was done.
  const isAmbiguous = wasSent && (trouble === 'timeout' || trouble === 'corrupt' || trouble === 'throttled' || trouble === 'unavailable')
  const detail = hide(
    [status, named === 'Error' ? code : named, firstLine(message)].filter((each) => each !== undefined && each !== '').join(' '),
  )
  return { trouble, detail, mayBeDone: isAmbiguous || (wasSent && trouble === 'closed') }
}

function kindOf(named: string, code: string | undefined, status: number | undefined): FaultKind {
  // A missing bucket is a mistake in a setting, not an object that is not there.
  if (named === 'NoSuchBucket' || named === 'NoSuchUpload') return 'invalid'
  const known = codes[named] ?? transports[code ?? '']
  if (known !== undefined) return known
  // Without a status there was no answer: Node says why, and it may be otherwise the next time.
  if (status === undefined) return 'unavailable'
  // HEAD has no body to say more: what S3 answers with 400 there is a token that has expired.
  if (status === 400 && /^(Unknown(Error)?|400|BadRequest)?$/.test(named)) return 'expired'
  // A good status with a body that cannot be read.
  if (status < 400) return 'corrupt'
  return statuses[status] ?? (status >= 500 ? 'unavailable' : 'invalid')
}

const detailMax = 200
const firstLine = (message: string | undefined): string => (message ?? '').split('\n')[0]!.slice(0, detailMax)
