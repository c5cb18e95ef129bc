import type { S3Client } from '@aws-sdk/client-s3'
import type { S3Location } from '../../src/ports/object-store.ts'
import { encodedPart, type S3Transport, type Transfer } from './s3-transport.ts'

/** A request for one object, without a query. Its names of headers are in lower case. */
export interface DirectRequest {
  readonly method: 'PUT' | 'DELETE'
  readonly key: string
  /** All headers but those of the address and of the signature. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hexadecimal, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string
}

type Signer = Awaited<ReturnType<S3Client['config']['signer']>>

/** The address of a bucket, and the SDK's signer of its requests. */
interface BucketAddress {
  readonly client: S3Client
  readonly url: URL
  readonly signer: Signer
}

/** Above this difference, a rejected request is explained by the clock. As in the SDK. */
const skewMs = 240_000

/**
 * Requests for one object that bypass the SDK. For each request, the SDK's middleware uses several times the processor time of the rest, and
 * an S3 WAL sends hundreds of small requests in a second. Address, signature and the correction of the clock are those of the SDK's client.
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
    if (this.#address?.client !== client && this.#address !== null) this.#address = await addressOf(client, this.#location)
    return this.#address !== null
  }

  /** Resolves when the store has performed the request; throws as the SDK does. To be called after `isPossible`. */
  async send({ config }: S3Client, request: DirectRequest, transfer: Transfer): Promise<void> {
    const { url, signer } = this.#address!
    const { method, key, payloadHash } = request
    const path = `${url.pathname.replace(/\/$/, '')}/${key.split('/').map(encodedPart).join('/')}`
    const headers = { ...request.headers, host: url.host, 'x-amz-content-sha256': payloadHash }
    const address = { protocol: url.protocol, hostname: url.hostname, ...(url.port === '' ? {} : { port: Number(url.port) }) }
    const signingDate = new Date(Date.now() + config.systemClockOffset)
    const signed = await signer.sign({ ...address, method, path, query: {}, headers }, { signingDate })
    const { message, body } = await this.#transport.request({ ...address, method, path, headers: signed.headers }, transfer)
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
async function addressOf(client: S3Client, { bucket, endpoint }: S3Location): Promise<BucketAddress | null> {
  const { config } = client
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
  return { client, url, signer: await config.signer({ ...scheme, properties: {} }) }
}

/** The error that the SDK would throw. */
function errorOf(httpStatusCode: number, body: string, clockSkewCorrected: boolean): Error {
  const inTag = (name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1]
  const error = new Error(inTag('Message') ?? '')
  return Object.assign(error, { name: inTag('Code') ?? String(httpStatusCode), $metadata: { httpStatusCode, clockSkewCorrected } })
}
