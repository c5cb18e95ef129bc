import type { S3Client } from '@aws-sdk/client-s3'
import type { S3Location } from '../../src/ports/object-store.ts'
import { amzDate, encodedPart, S3Signature } from './s3-signature.ts'
import type { S3Transport, Transfer } from './s3-transport.ts'

/** A request for one object, without a query. Its names of headers are in lower case. */
export interface DirectRequest {
  readonly method: 'PUT' | 'DELETE'
  readonly key: string
  /** All headers but those of the address and of the signature. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hexadecimal, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string
}

/** The address of a bucket, and how its requests are signed. */
interface BucketAddress {
  readonly url: URL
  readonly signature: S3Signature
}

/** Above this difference, a rejected request is explained by the clock. As in the SDK. */
const skewMs = 240_000

/**
 * Requests for one object that bypass the SDK. For each request, the SDK's middleware uses several times the processor time of the rest, and
 * an S3 WAL sends hundreds of small requests in a second. Address, credentials and the correction of the clock are those of the SDK's
 * client.
 */
export class DirectRequests {
  readonly #transport: S3Transport
  readonly #location: S3Location
  #address: BucketAddress | null | undefined

  constructor(transport: S3Transport, location: S3Location) {
    this.#transport = transport
    this.#location = location
  }

  /** False for a bucket that requires a signature of another kind, such as a directory bucket. */
  async isPossible(client: S3Client): Promise<boolean> {
    this.#address ??= await addressOf(client, this.#location)
    return this.#address !== null
  }

  /** Resolves when the store has performed the request; throws as the SDK does. To be called after `isPossible`. */
  async send({ config }: S3Client, request: DirectRequest, transfer: Transfer): Promise<void> {
    const { url, signature } = this.#address!
    const credentials = await config.credentials()
    const { method, key, payloadHash } = request
    const path = `${url.pathname.replace(/\/$/, '')}/${key.split('/').map(encodedPart).join('/')}`
    const headers: Record<string, string> = {
      ...request.headers,
      host: url.host,
      'x-amz-content-sha256': payloadHash,
      'x-amz-date': amzDate(Date.now() + config.systemClockOffset),
    }
    if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken
    headers['authorization'] = signature.of({ method, path, headers }, credentials)
    const address = { protocol: url.protocol, hostname: url.hostname, ...(url.port === '' ? {} : { port: Number(url.port) }) }
    const { message, body } = await this.#transport.request({ ...address, method, path, headers }, transfer)
    const status = message.statusCode!
    if (status >= 200 && status < 300) return
    throw errorOf(status, Buffer.from(body).toString(), this.#isSkewed(config, message.headers.date))
  }

  /** Corrects the clock by that of the store. */
  #isSkewed(config: S3Client['config'], date: string | undefined): boolean {
    const storeMs = Date.parse(date ?? '')
    if (Number.isNaN(storeMs)) return false
    config.systemClockOffset = storeMs - Date.now()
    return Math.abs(config.systemClockOffset) >= skewMs
  }
}

/** Null where the signature is of another kind. */
async function addressOf({ config }: S3Client, { bucket, endpoint }: S3Location): Promise<BucketAddress | null> {
  const { url, properties } = config.endpointProvider(
    {
      Bucket: bucket,
      Region: await config.region(),
      UseFIPS: await config.useFipsEndpoint(),
      UseDualStack: await config.useDualstackEndpoint(),
      ForcePathStyle: config.forcePathStyle,
      ...(endpoint === null ? {} : { Endpoint: endpoint }),
    },
    {},
  )
  const [scheme] = (properties?.['authSchemes'] ?? []) as { name: string; signingName: string; signingRegion: string }[]
  if (scheme?.name !== 'sigv4' || scheme.signingName !== 's3') return null
  return { url, signature: new S3Signature(scheme.signingRegion) }
}

/** The error that the SDK would throw. */
function errorOf(httpStatusCode: number, body: string, clockSkewCorrected: boolean): Error {
  const inTag = (name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1]
  const error = new Error(inTag('Message') ?? '')
  return Object.assign(error, { name: inTag('Code') ?? String(httpStatusCode), $metadata: { httpStatusCode, clockSkewCorrected } })
}
