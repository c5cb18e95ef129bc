import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { S3Client } from '@aws-sdk/client-s3'
import { credentialsIn, type Environment } from '../../src/config/store-uri.ts'
import type { StoreMeter } from '../../src/object-store/request-metrics.ts'
import type { S3Location } from '../../src/ports/object-store.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import type { RequestFailure } from './attempts.ts'
import { type DirectRequest, DirectRequests } from './s3-direct.ts'
import { failureOf } from './s3-failures.ts'
import { S3Transport, type Transfer } from './s3-transport.ts'

export type Sdk = typeof import('@aws-sdk/client-s3')

/** A request through the SDK's client, with options that pass the transfer to the transport. */
export const bytesOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0)

export type SdkCall<T> = (client: S3Client, sdk: Sdk, options: object) => Promise<T>

/** A failed request: how a retry may proceed, and the error itself for callers that inspect it. */
export interface Failed extends RequestFailure {
  readonly error: unknown
}

/** The client of one bucket. Created at its first use, since loading the SDK takes longer than most requests. */
export class S3Connection {
  readonly location: S3Location
  readonly #environment: Environment
  readonly #transport: S3Transport
  readonly #direct: DirectRequests
  readonly #secrets: readonly string[]
  #sdk: Promise<Sdk> | undefined
  #client: S3Client | undefined

  constructor(location: S3Location, environment: Environment, meter?: StoreMeter) {
    this.location = location
    this.#environment = environment
    this.#transport = new S3Transport(meter)
    this.#direct = new DirectRequests(this.#transport, location)
    const { credentials } = location
    const resolved = credentialsIn(environment, credentials)
    const secrets = resolved.type === 'static' ? [resolved.secretKey, resolved.accessKey, resolved.sessionToken ?? ''] : []
    this.#secrets = secrets.filter((each) => each.length > 3)
  }

  async send<T>(call: SdkCall<T>, transfer: Transfer): Promise<T | Failed> {
    try {
      const sdk = await (this.#sdk ??= loadSdk())
      this.#client ??= this.#create(sdk)
      return await call(this.#client, sdk, { transfer })
    } catch (error) {
      const failure = failureOf(error, transfer.wasSent === true, (text) => this.#hide(text))
      // A new client requests the credentials of the machine again.
      if (failure.failure === 'expired') this.#client = undefined
      return { ...failure, error }
    }
  }

  /** Sends a request that bypasses the SDK; where the bucket does not permit that, the same request through the SDK. */
  sendDirect(request: DirectRequest, transfer: Transfer, call: SdkCall<unknown>): Promise<'done' | Failed> {
    return this.send<'done'>(async (client, sdk, options) => {
      if (await this.#direct.isPossible(client)) await this.#direct.send(client, request, transfer)
      else await call(client, sdk, options)
      return 'done'
    }, transfer)
  }

  close(): void {
    this.#transport.destroy()
  }

  #create(sdk: Sdk): S3Client {
    const { location } = this
    const credentials = credentialsIn(this.#environment, location.credentials)
    const keys = credentials.type === 'static' && {
      accessKeyId: credentials.accessKey,
      secretAccessKey: credentials.secretKey,
      ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
    }
    return new sdk.S3Client({
      region: location.region,
      ...(location.endpoint === null ? {} : { endpoint: location.endpoint }),
      forcePathStyle: location.pathStyle,
      ...(keys === false ? {} : { credentials: keys }),
      requestHandler: this.#transport as never,
      expectContinueHeader: false,
      // Several stores reject checksums that they do not support; objects contain their own.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Retries are controlled by the node's own policy, not by the SDK.
      maxAttempts: 1,
      cacheMiddleware: true,
      followRegionRedirects: false,
    })
  }

  #hide(text: string): string {
    return this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
  }
}

/** Suppresses the SDK's warning about the version of Node: it does not concern operators, and would interrupt the log. */
function loadSdk(): Promise<Sdk> {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  return import('@aws-sdk/client-s3')
}

/** The part of a command that adds middleware. */
interface Stacked {
  readonly middlewareStack: {
    add(middleware: never, options: { readonly step: 'build'; readonly name: string; readonly priority: 'low' }): void
  }
}
interface BuildArguments {
  readonly request: { readonly headers: Record<string, string>; readonly body?: string | Uint8Array }
}
type Build = (next: (given: BuildArguments) => unknown) => (given: BuildArguments) => unknown

function onBuild<C extends Stacked>(command: C, name: string, change: (request: BuildArguments['request']) => void): C {
  const middleware: Build = (next) => (given) => {
    change(given.request)
    return next(given)
  }
  command.middlewareStack.add(middleware as never, { step: 'build', name, priority: 'low' })
  return command
}

/** What the signature covers of a body that bypasses the SDK: nothing, unless the store requires it. */
export const payloadHash = (pieces: readonly Uint8Array[], isSigned: boolean): string => (isSigned ? sha256(pieces) : 'UNSIGNED-PAYLOAD')

export function withPayload<C extends Stacked>(command: C, pieces: readonly Uint8Array[], isSigned: boolean): C {
  return onBuild(command, 'millracePayload', ({ headers }) => {
    headers['x-amz-content-sha256'] = payloadHash(pieces, isSigned)
  })
}

/** Sets the checksum that every store accepts where one is required; some accept no other. */
export function withMd5<C extends Stacked>(command: C): C {
  return onBuild(command, 'millraceMd5', ({ headers, body }) => {
    for (const name of Object.keys(headers)) if (/^x-amz-(sdk-)?checksum-/i.test(name)) delete headers[name]
    headers['content-md5'] = createHash('md5')
      .update(body ?? '')
      .digest('base64')
  })
}

function sha256(pieces: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** The checksum of a body, as parameters of a request. */
export function checksumOf(
  algorithm: S3Location['checksum'],
  pieces: readonly Uint8Array[],
): { ChecksumCRC32?: string; ChecksumCRC32C?: string } {
  if (algorithm === null) return {}
  const word = Buffer.alloc(4)
  if (algorithm === 'CRC32') {
    word.writeUInt32BE(pieces.reduce((crc, piece) => crc32(piece, crc), 0))
    return { ChecksumCRC32: word.toString('base64') }
  }
  word.writeUInt32BE(pieces.reduce((crc, piece) => crc32c(piece, 0, piece.length, crc), 0) >>> 0)
  return { ChecksumCRC32C: word.toString('base64') }
}

/** The same as headers. */
export const checksumHeaders = ({ ChecksumCRC32, ChecksumCRC32C }: ReturnType<typeof checksumOf>): Readonly<Record<string, string>> => ({
  ...(ChecksumCRC32 === undefined ? {} : { 'x-amz-checksum-crc32': ChecksumCRC32 }),
  ...(ChecksumCRC32C === undefined ? {} : { 'x-amz-checksum-crc32c': ChecksumCRC32C }),
})
