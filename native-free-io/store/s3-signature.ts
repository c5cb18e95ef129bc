import { createHash, createHmac } from 'node:crypto'

/** A request that is to be signed. Its names of headers are in lower case. */
export interface UnsignedRequest {
  readonly method: string
  /** Encoded as in the request line. */
  readonly path: string
  /** With `host`, `x-amz-date` and `x-amz-content-sha256`. */
  readonly headers: Readonly<Record<string, string>>
}

export interface SigningCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Signs requests without a query: AWS Signature Version 4, in a header. The key of a day is computed once. */
export class S3Signature {
  readonly #region: string
  #secretKey = ''
  #day = ''
  #key: Buffer = Buffer.alloc(0)

  constructor(region: string) {
    this.#region = region
  }

  /** Value of the `authorization` header. */
  of({ method, path, headers }: UnsignedRequest, { accessKeyId, secretAccessKey }: SigningCredentials): string {
    const date = headers['x-amz-date']!
    const scope = `${date.slice(0, dayDigits)}/${this.#region}/s3/aws4_request`
    const names = Object.keys(headers).sort()
    const lines = names.map((name) => `${name}:${headers[name]!.trim().replace(/ +/g, ' ')}\n`).join('')
    const signedNames = names.join(';')
    const request = `${method}\n${path}\n\n${lines}\n${signedNames}\n${headers['x-amz-content-sha256']}`
    const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${createHash('sha256').update(request).digest('hex')}`
    const signature = createHmac('sha256', this.#keyOf(secretAccessKey, date.slice(0, dayDigits)))
      .update(text)
      .digest('hex')
    return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedNames}, Signature=${signature}`
  }

  #keyOf(secretKey: string, day: string): Buffer {
    if (secretKey === this.#secretKey && day === this.#day) return this.#key
    this.#secretKey = secretKey
    this.#day = day
    this.#key = [day, this.#region, 's3', 'aws4_request'].reduce<Buffer>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      Buffer.from(`AWS4${secretKey}`),
    )
    return this.#key
  }
}

const dayDigits = 8

/** A time as in `x-amz-date`. */
export const amzDate = (ms: number): string => `${new Date(ms).toISOString().slice(0, -5).replace(/[-:]/g, '')}Z`

/** Encodes as the signature requires: only the unreserved characters of RFC 3986 stay. */
export const encodedPart = (part: string): string =>
  encodeURIComponent(part).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
