import { randomBytes } from 'node:crypto'
import { Blob, type Bucket, readSegments, release, type Segment, type StoredObject, sliceSegments } from './blobs.ts'
import { receiveBody } from './body.ts'
import { contents, type S3Request, tag, xml } from './requests.ts'
import type { S3Error } from './signature.ts'

/** A response. Its bytes are read while they are sent. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly text?: string
  readonly bytes?: { readonly segments: readonly Segment[]; readonly start: number; readonly end: number }
}

export interface Holder {
  readonly buckets: Map<string, Bucket>
  readonly folder: string | undefined
  readonly partBytesMin: number
  readonly pageKeysMax: number
  now(): number
}

const pageMax = 1000

export const rejected = ([status, code, message]: S3Error): Answer => ({
  status,
  text: xml('Error', [tag('Code', code), tag('Message', message)]),
})
const reject = (status: number, code: string, message: string = code): Answer => rejected([status, code, message])
const noSuchKey = reject(404, 'NoSuchKey', 'The specified key does not exist.')
const noSuchUpload = reject(404, 'NoSuchUpload', 'The specified upload does not exist.')

type Operation = (request: S3Request, bucket: Bucket, holder: Holder) => Promise<Answer> | Answer

/** One function per operation: reads the whole request, then changes the bucket atomically. */
export const operations: Readonly<Record<Exclude<S3Request['operation'], 'bucket'>, Operation>> = {
  async put(request, bucket, holder) {
    const blob = await received(request, holder)
    if (!(blob instanceof Blob)) return rejected(blob)
    const failed = precondition(request, bucket)
    if (failed !== undefined) {
      void blob.release()
      return failed
    }
    const object = objectOf([whole(blob)], newEtag(), metadataOf(request), holder)
    bucket.put(request.key, object)
    return { status: 200, headers: { etag: object.etag } }
  },

  get({ key, message }, bucket) {
    const object = bucket.objects.get(key)
    if (object === undefined) return noSuchKey
    const headers = { etag: object.etag, 'last-modified': new Date(object.modifiedMs).toUTCString(), ...object.metadata }
    const requested = message.headers.range
    if (requested === undefined) return { status: 200, headers, bytes: { segments: object.segments, start: 0, end: object.bytes } }
    const range = rangeOf(requested, object.bytes)
    if (range === undefined) return reject(416, 'InvalidRange', 'The requested range is not satisfiable')
    const [start, end] = range
    return {
      status: 206,
      headers: { ...headers, 'content-range': `bytes ${start}-${end - 1}/${object.bytes}` },
      bytes: { segments: object.segments, start, end },
    }
  },

  head({ key }, bucket) {
    const object = bucket.objects.get(key)
    if (object === undefined) return { status: 404 }
    const modified = new Date(object.modifiedMs).toUTCString()
    return {
      status: 200,
      headers: { etag: object.etag, 'last-modified': modified, 'content-length': String(object.bytes), ...object.metadata },
    }
  },

  delete({ key }, bucket) {
    bucket.remove(key)
    return { status: 204 }
  },

  async removeMany(request, bucket) {
    const { headers } = request.message
    const hasSum = headers['content-md5'] !== undefined || Object.keys(headers).some((name) => name.startsWith('x-amz-checksum-'))
    const body = await textOf(request)
    if (typeof body !== 'string') return rejected(body)
    if (!hasSum) return reject(400, 'InvalidRequest', 'Missing required header for this request: Content-MD5 or a checksum')
    const keys = contents(body, 'Key')
    if (keys.length > pageMax) return reject(400, 'MalformedXML')
    for (const key of keys) bucket.remove(key)
    return { status: 200, text: xml('DeleteResult', []) }
  },

  list({ query }, bucket, { pageKeysMax }) {
    const token = query.get('continuation-token')
    const behind = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64').toString()
    const isBehind = (key: string): boolean => Buffer.compare(Buffer.from(key), Buffer.from(behind)) > 0
    const listed = bucket.list(query.get('prefix') ?? '').filter(([key]) => behind === '' || isBehind(key))
    const page = listed.slice(0, Math.min(pageKeysMax, Number(query.get('max-keys') ?? pageKeysMax)))
    const isTruncated = page.length < listed.length
    const rows = page.map(([key, { bytes, etag, modifiedMs }]) => {
      const row = [tag('Key', key), tag('LastModified', new Date(modifiedMs).toISOString()), tag('ETag', etag), tag('Size', bytes)]
      return tag('Contents', row)
    })
    const next = isTruncated ? [tag('NextContinuationToken', Buffer.from(page.at(-1)![0]).toString('base64'))] : []
    const head = [tag('KeyCount', page.length), tag('IsTruncated', String(isTruncated))]
    return { status: 200, text: xml('ListBucketResult', [...head, ...next, ...rows]) }
  },

  copyObject(request, bucket, holder) {
    const source = sourceOf(request, holder)
    if (source === undefined) return noSuchKey
    const object = objectOf(source.segments, newEtag(), source.metadata, holder)
    bucket.put(request.key, object)
    return { status: 200, text: xml('CopyObjectResult', [tag('ETag', object.etag)]) }
  },

  createUpload(request, bucket, holder) {
    const id = randomBytes(16).toString('hex')
    bucket.uploads.set(id, { id, key: request.key, startedMs: holder.now(), metadata: metadataOf(request), parts: new Map() })
    return { status: 200, text: xml('InitiateMultipartUploadResult', [tag('Key', request.key), tag('UploadId', id)]) }
  },

  async uploadPart(request, bucket, holder) {
    const blob = await received(request, holder)
    if (!(blob instanceof Blob)) return rejected(blob)
    const answer = addPart(request, bucket, [whole(blob)])
    if (typeof answer !== 'string') {
      void blob.release()
      return answer
    }
    return { status: 200, headers: { etag: answer } }
  },

  copyPart(request, bucket, holder) {
    const source = sourceOf(request, holder)
    if (source === undefined) return noSuchKey
    const requested = request.message.headers['x-amz-copy-source-range']
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(String(requested ?? `bytes=0-${source.bytes - 1}`)) ?? []
    if (from === undefined || Number(to) >= source.bytes) return reject(400, 'InvalidArgument', 'The range is not in the object')
    const answer = addPart(request, bucket, sliceSegments(source.segments, Number(from), Number(to) + 1))
    return typeof answer === 'string' ? { status: 200, text: xml('CopyPartResult', [tag('ETag', answer)]) } : answer
  },

  async completeUpload(request, bucket, holder) {
    const body = await textOf(request)
    if (typeof body !== 'string') return rejected(body)
    const upload = bucket.uploads.get(request.query.get('uploadId')!)
    if (upload === undefined || upload.key !== request.key) return noSuchUpload
    const etags = contents(body, 'ETag')
    const parts = contents(body, 'PartNumber').map((number) => upload.parts.get(Number(number)))
    if (parts.length === 0) return reject(400, 'MalformedXML')
    if (parts.some((part, index) => part === undefined || bare(part.etag) !== bare(etags[index] ?? ''))) return reject(400, 'InvalidPart')
    if (parts.slice(0, -1).some((part) => part!.bytes < holder.partBytesMin)) return reject(400, 'EntityTooSmall')
    const failed = precondition(request, bucket)
    if (failed !== undefined) return failed
    const segments = parts.flatMap((part) => part!.segments)
    bucket.put(request.key, objectOf(segments, newEtag(parts.length), upload.metadata, holder))
    bucket.endUpload(upload)
    return { status: 200, text: xml('CompleteMultipartUploadResult', [tag('Key', request.key)]) }
  },

  abortUpload({ query }, bucket) {
    const upload = bucket.uploads.get(query.get('uploadId')!)
    if (upload === undefined) return noSuchUpload
    bucket.endUpload(upload)
    return { status: 204 }
  },

  listParts({ query, key }, bucket) {
    const upload = bucket.uploads.get(query.get('uploadId')!)
    if (upload === undefined || upload.key !== key) return noSuchUpload
    const behind = Number(query.get('part-number-marker') ?? 0)
    const numbers = [...upload.parts.keys()].filter((number) => number > behind).sort((a, b) => a - b)
    const rows = numbers.slice(0, pageMax).map((number) => {
      const { etag, bytes } = upload.parts.get(number)!
      return tag('Part', [tag('PartNumber', number), tag('ETag', etag), tag('Size', bytes)])
    })
    const isTruncated = numbers.length > pageMax
    const head = [tag('IsTruncated', String(isTruncated)), tag('NextPartNumberMarker', numbers[rows.length - 1] ?? 0)]
    return { status: 200, text: xml('ListPartsResult', [...head, ...rows]) }
  },

  listUploads({ query }, bucket) {
    const rows = [...bucket.uploads.values()]
      .filter(({ key }) => key.startsWith(query.get('prefix') ?? ''))
      .map(({ id, key, startedMs }) =>
        tag('Upload', [tag('Key', key), tag('UploadId', id), tag('Initiated', new Date(startedMs).toISOString())]),
      )
    return { status: 200, text: xml('ListMultipartUploadsResult', [tag('IsTruncated', 'false'), ...rows]) }
  },
}

async function received({ message, chunks }: S3Request, { folder }: Holder): Promise<Blob | S3Error> {
  const blob = new Blob(folder)
  const rejection = await receiveBody(message, (bytes) => blob.append(bytes), chunks)
  if (rejection === undefined) return blob
  await blob.release()
  return rejection
}

async function textOf({ message, chunks: check }: S3Request): Promise<string | S3Error> {
  const chunks: Buffer[] = []
  const rejection = await receiveBody(message, (bytes) => void chunks.push(bytes), check)
  return rejection ?? Buffer.concat(chunks).toString()
}

const whole = (blob: Blob): Segment => ({ blob, start: 0, end: blob.bytes })
const bytesOf = (segments: readonly Segment[]): number => segments.reduce((sum, { start, end }) => sum + end - start, 0)
/** Any unique text is valid: clients must not interpret it as an MD5. */
const newEtag = (parts = 0): string => `"${randomBytes(16).toString('hex')}${parts === 0 ? '' : `-${parts}`}"`
const bare = (etag: string): string => etag.replaceAll('"', '')

const objectOf = (segments: readonly Segment[], etag: string, metadata: StoredObject['metadata'], holder: Holder): StoredObject => ({
  segments,
  bytes: bytesOf(segments),
  etag,
  modifiedMs: holder.now(),
  metadata,
})

const metadataOf = ({ message }: S3Request): Record<string, string> =>
  Object.fromEntries(Object.entries(message.headers).filter(([name]) => name.startsWith('x-amz-meta-')) as [string, string][])

function precondition({ key, message }: S3Request, bucket: Bucket): Answer | undefined {
  const { 'if-none-match': none, 'if-match': match } = message.headers
  const object = bucket.objects.get(key)
  if (none !== undefined && none !== '*') return reject(501, 'NotImplemented')
  const isMet =
    (none === undefined || object === undefined) && (match === undefined || (object !== undefined && bare(match) === bare(object.etag)))
  return isMet ? undefined : reject(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
}

/** A part that is sent again replaces the first. */
function addPart({ query, key }: S3Request, bucket: Bucket, segments: readonly Segment[]): Answer | string {
  const upload = bucket.uploads.get(query.get('uploadId')!)
  if (upload === undefined || upload.key !== key) return noSuchUpload
  const number = Number(query.get('partNumber'))
  if (!(number >= 1 && number <= 10_000)) return reject(400, 'InvalidArgument')
  for (const { blob } of segments) blob.use()
  const old = upload.parts.get(number)
  const etag = newEtag()
  upload.parts.set(number, { segments, bytes: bytesOf(segments), etag })
  if (old !== undefined) release(old.segments)
  return etag
}

function sourceOf({ message }: S3Request, { buckets }: Holder): StoredObject | undefined {
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decodeURIComponent(String(message.headers['x-amz-copy-source']))) ?? []
  return buckets.get(bucket ?? '')?.objects.get(key ?? '')
}

/** Undefined if the range is outside the object. */
function rangeOf(text: string, bytes: number): [number, number] | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(text) ?? []
  if (first === undefined || (first === '' && last === '')) return [0, bytes]
  const [start, end] = first === '' ? [Math.max(0, bytes - Number(last)), bytes] : [Number(first), last === '' ? bytes : Number(last) + 1]
  return start < Math.min(end, bytes) ? [start, Math.min(end, bytes)] : undefined
}

/** Reads the bytes of a response. */
export const bytesIn = ({ segments, start, end }: NonNullable<Answer['bytes']>): AsyncGenerator<Buffer> =>
  readSegments(segments, start, end)
