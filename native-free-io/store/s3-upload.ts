import type { CompleteMultipartUploadCommandOutput } from '@aws-sdk/client-s3'
import { isFault } from '../../src/object-store/store-faults.ts'
import type { ObjectStore, ObjectUpload, S3Location, StoreFault, StoreOperation } from '../../src/ports/object-store.ts'
import { type Attempt, type Attempts, isFailure } from './attempts.ts'
import { bytesOf, checksumOf, type Failed, type SdkCall, withPayload } from './s3-client.ts'
import { codeOf } from './s3-failures.ts'
import type { Transfer } from './s3-transport.ts'

/** Maximum number of parts of one object in transfer at the same time. */
const partsInFlight = 4
/** Limits of the protocol: no part except the last is smaller, and no copied part is larger. */
const partBytesMin = 5 * 2 ** 20
const copyBytesMax = 2 ** 30

/** The requests of a bucket that an upload sends. */
export interface UploadRequests extends Pick<ObjectStore, 'put' | 'get' | 'size'> {
  readonly location: S3Location
  readonly attempts: Attempts
  /** A request with all its attempts. `bytes` is the size of the transfer. */
  request<T>(
    operation: StoreOperation,
    key: string,
    bytes: number,
    transfer: Pick<Transfer, 'pieces'>,
    call: SdkCall<T>,
  ): Promise<T | StoreFault>
  /** One attempt. */
  once<T>(attempt: Attempt, bytes: number, transfer: Pick<Transfer, 'pieces'>, call: SdkCall<T>): Promise<T | Failed>
  /** Timeout of a request with all its attempts, milliseconds. */
  totalMs(bytes: number): number
  endUpload(key: string, uploadId: string): Promise<StoreFault | undefined>
}

interface SentPart {
  readonly PartNumber: number
  readonly ETag: string | undefined
}

/**
 * An object that is sent in parts while it grows, or in one request if it stays small. All parts have the same size, except copied ones and
 * the last.
 */
export class S3Upload implements ObjectUpload {
  bytes = 0
  readonly #store: UploadRequests
  readonly #key: string
  #uploadId: Promise<string | StoreFault> | undefined
  /** Pieces that are not sent yet. */
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  readonly #parts: SentPart[] = []
  readonly #sending = new Set<Promise<void>>()
  /** Bytes of each part, starting with the first. */
  readonly #sizes: number[] = []
  #fault: StoreFault | undefined

  constructor(store: UploadRequests, key: string) {
    this.#store = store
    this.#key = key
  }

  async append(pieces: readonly Uint8Array[]): Promise<StoreFault | undefined> {
    const { partBytes } = this.#store.location
    for (const piece of pieces) {
      this.bytes += piece.length
      for (let at = 0; at < piece.length; ) {
        const some = piece.subarray(at, at + partBytes - this.#pendingBytes)
        this.#pending.push(some)
        this.#pendingBytes += some.length
        at += some.length
        if (this.#pendingBytes === partBytes) await this.#sendPending()
        if (this.#fault !== undefined) return this.#fault
      }
    }
    return this.#fault
  }

  async copy(key: string, start: number, end: number): Promise<StoreFault | undefined> {
    let at = start
    // A copied part must not follow a part that is too small, nor be too small itself: missing bytes are read.
    if (this.#pendingBytes > 0) at += Math.max(0, partBytesMin - this.#pendingBytes)
    if (end - at < partBytesMin) return this.#copyByHand(key, start, end)
    const fault = await this.#copyByHand(key, start, at)
    if (fault !== undefined) return fault
    await this.#sendPending()
    for (; at < end && this.#fault === undefined; ) {
      // The last two parts share the remaining bytes, so that neither is too small.
      const left = end - at
      const bytes = left <= copyBytesMax ? left : left < 2 * copyBytesMax ? Math.ceil(left / 2) : copyBytesMax
      const from = at
      await this.#start(bytes, (id, number) => this.#copyPart(id, number, key, from, from + bytes))
      at += bytes
      this.bytes += bytes
    }
    return this.#fault
  }

  async complete(): Promise<number | StoreFault> {
    if (this.#uploadId === undefined) {
      const fault = this.#fault ?? (await this.#store.put(this.#key, this.#pending))
      this.#forget()
      return fault ?? this.bytes
    }
    await this.#sendPending()
    await this.#settled(0)
    this.#forget()
    const id = await this.#uploadId
    if (this.#fault !== undefined || isFault(id)) return this.#fault ?? (id as StoreFault)
    const answer = await this.#finish(id)
    return isFault(answer) ? (this.#fault = answer) : this.bytes
  }

  async abort(): Promise<void> {
    this.#fault ??= fault('upload', this.#key, 'the upload was aborted')
    await this.#settled(0)
    this.#forget()
    const id = await this.#uploadId
    // A later check removes the remains.
    if (typeof id === 'string') await this.#store.endUpload(this.#key, id)
  }

  #forget(): void {
    this.#pending = []
    this.#pendingBytes = 0
  }

  async #copyByHand(key: string, start: number, end: number): Promise<StoreFault | undefined> {
    const { partBytes } = this.#store.location
    for (let at = start; at < end; ) {
      const bytes = await this.#store.get(key, at, Math.min(end, at + partBytes))
      if (isFault(bytes)) return (this.#fault = bytes)
      if (bytes.length === 0) return (this.#fault = fault('copy', key, `it ends before ${end}`))
      at += bytes.length
      const failed = await this.append([bytes])
      if (failed !== undefined) return failed
    }
    return undefined
  }

  async #sendPending(): Promise<void> {
    const [pieces, bytes] = [this.#pending, this.#pendingBytes]
    if (bytes === 0) return
    this.#forget()
    await this.#start(bytes, (id, number) => this.#sendPart(id, number, pieces))
  }

  /** Waits until another part may be sent, then starts it. */
  async #start(
    bytes: number,
    send: (uploadId: string, number: number) => Promise<{ readonly ETag: string | undefined } | StoreFault>,
  ): Promise<void> {
    const PartNumber = this.#sizes.push(bytes)
    this.#uploadId ??= this.#create()
    const id = await this.#uploadId
    if (isFault(id)) this.#fault ??= id
    if (isFault(id) || this.#fault !== undefined) return
    const sending = send(id, PartNumber).then((answer) => {
      this.#sending.delete(sending)
      if (isFault(answer)) this.#fault ??= answer
      else this.#parts.push({ PartNumber, ...answer })
    })
    this.#sending.add(sending)
    await this.#settled(partsInFlight - 1)
  }

  async #settled(leave: number): Promise<void> {
    while (this.#sending.size > leave) await Promise.race(this.#sending)
  }

  async #create(): Promise<string | StoreFault> {
    const { bucket: Bucket, checksum } = this.#store.location
    const sums = checksum === null ? {} : ({ ChecksumAlgorithm: checksum } as const)
    const answer = await this.#store.request('upload', this.#key, 0, {}, (client, sdk, options) =>
      client.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key: this.#key, ...sums }), options),
    )
    return isFault(answer) ? answer : (answer.UploadId ?? fault('upload', this.#key, 'an upload has no id'))
  }

  async #sendPart(UploadId: string, PartNumber: number, pieces: readonly Uint8Array[]): Promise<SentPart | StoreFault> {
    const { bucket: Bucket, checksum, signBodies } = this.#store.location
    const bytes = bytesOf(pieces)
    const sums = checksumOf(checksum, pieces)
    const answer = await this.#store.request('upload', this.#key, bytes, { pieces }, (client, sdk, options) => {
      const command = new sdk.UploadPartCommand({ Bucket, Key: this.#key, UploadId, PartNumber, ContentLength: bytes, ...sums })
      return client.send(withPayload(command, pieces, signBodies), options)
    })
    return isFault(answer) ? answer : { PartNumber, ETag: answer.ETag, ...sums }
  }

  async #copyPart(UploadId: string, PartNumber: number, key: string, start: number, end: number): Promise<SentPart | StoreFault> {
    const { bucket: Bucket } = this.#store.location
    const CopySource = `${Bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
    // The store copies the bytes, so the timeout depends on their number.
    const answer = await this.#store.request('copy', key, end - start, {}, (client, sdk, options) => {
      const range = { CopySource, CopySourceRange: `bytes=${start}-${end - 1}` }
      return client.send(new sdk.UploadPartCopyCommand({ Bucket, Key: this.#key, UploadId, PartNumber, ...range }), options)
    })
    if (isFault(answer)) return answer
    const { ETag, ChecksumCRC32, ChecksumCRC32C } = answer.CopyPartResult ?? {}
    const sums = { ...(ChecksumCRC32 && { ChecksumCRC32 }), ...(ChecksumCRC32C && { ChecksumCRC32C }) }
    return { PartNumber, ETag, ...sums }
  }

  #finish(UploadId: string): Promise<CompleteMultipartUploadCommandOutput | 'done' | StoreFault> {
    const { bucket: Bucket } = this.#store.location
    let Parts = this.#parts.toSorted((a, b) => a.PartNumber - b.PartNumber)
    type Done = CompleteMultipartUploadCommandOutput | 'done'
    return this.#store.attempts.run<Done>('upload', this.#key, this.#store.totalMs(this.bytes), async (attempt) => {
      const complete = () =>
        this.#store.once(attempt, 0, {}, (client, sdk, options) =>
          client.send(new sdk.CompleteMultipartUploadCommand({ Bucket, Key: this.#key, UploadId, MultipartUpload: { Parts } }), options),
        )
      const answer = await complete()
      if (!isFailure(answer)) return answer
      const code = codeOf(answer.error)
      // An abandoned attempt may complete after the one that replaced it: the same bytes with a different tag.
      if (code === 'InvalidPart') {
        const listed = await this.#listed(attempt, UploadId, Parts)
        if (listed === undefined) return answer
        Parts = listed
        return complete()
      }
      // After an earlier attempt has completed the upload, the upload no longer exists, but the object does.
      if (code !== 'NoSuchUpload' || !attempt.mayBeDone) return answer
      return (await this.#store.size(this.#key)) === this.bytes ? 'done' : answer
    })
  }

  /** The parts with their current tags; undefined if they differ from those that were sent. */
  async #listed(attempt: Attempt, UploadId: string, sent: readonly SentPart[]): Promise<SentPart[] | undefined> {
    const { bucket: Bucket } = this.#store.location
    const tags = new Map<number | undefined, string | undefined>()
    let marker: string | undefined
    do {
      const from = marker === undefined ? {} : { PartNumberMarker: marker }
      const page = await this.#store.once(attempt, 0, {}, (client, sdk, options) =>
        client.send(new sdk.ListPartsCommand({ Bucket, Key: this.#key, UploadId, ...from }), options),
      )
      if (isFailure(page)) return undefined
      for (const { PartNumber, ETag, Size } of page.Parts ?? []) {
        if (Size === this.#sizes[(PartNumber ?? 0) - 1]) tags.set(PartNumber, ETag)
      }
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined
    } while (marker !== undefined)
    return sent.every(({ PartNumber }) => tags.has(PartNumber))
      ? sent.map((part) => ({ ...part, ETag: tags.get(part.PartNumber) }))
      : undefined
  }
}

const fault = (operation: 'upload' | 'copy', key: string, detail: string): StoreFault => ({
  fault: 'invalid',
  operation,
  key,
  detail,
  attempts: 0,
  mayBeDone: false,
})
