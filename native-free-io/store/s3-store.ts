import { randomUUID } from 'node:crypto'
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { isFault } from '../../src/object-store/store-faults.ts'
import type {
  ListPage,
  ObjectStore,
  ObjectUpload,
  S3Location,
  StoreAbilities,
  StoreFault,
  StoreOperation,
} from '../../src/ports/object-store.ts'
import { type Attempt, Attempts, isFailure, type RequestFailure } from './attempts.ts'
import { Hedge, newHedges } from './hedge.ts'
import { assertKey } from './keys.ts'
import {
  bytesOf,
  checksumHeaders,
  checksumOf,
  type Failed,
  payloadHash,
  S3Connection,
  type SdkCall,
  withMd5,
  withPayload,
} from './s3-client.ts'
import type { DirectRequest } from './s3-direct.ts'
import type { Transfer } from './s3-transport.ts'
import { S3Upload, type UploadRequests } from './s3-upload.ts'
import type { StoreOptions } from './store-options.ts'

/** Minimum rate; a slower transfer counts as failed. */
const slowestBytesPerMs = 2 ** 20 / 1000
/** The duration of larger reads depends on their size: they are not compared with short ones. */
const shortBytesMax = 512 << 10
/** Limit of the protocol. */
const removeMax = 1000
/** Identifies the writer of an object: separates a successful put with a lost response from a put of another client. */
const writerName = 'millrace-writer'

/** A bucket, accessed through the AWS SDK. */
export class S3Store implements ObjectStore, UploadRequests {
  readonly can: StoreAbilities
  readonly location: S3Location
  readonly attempts: Attempts
  readonly #connection: S3Connection
  readonly #shortReads: Hedge<Uint8Array | RequestFailure>
  readonly #longReads: Hedge<Uint8Array | RequestFailure>

  constructor(location: S3Location, { environment = {}, meter, clock }: StoreOptions) {
    this.location = location
    this.can = { conditionalPut: location.conditionalPut }
    this.attempts = new Attempts(clock)
    this.#connection = new S3Connection(location, environment, meter)
    const hedges = newHedges()
    this.#shortReads = new Hedge(hedges, (answer) => !isFailure(answer))
    this.#longReads = new Hedge(hedges, (answer) => !isFailure(answer))
  }

  async put(key: string, pieces: readonly Uint8Array[], { ifAbsent = false } = {}): Promise<StoreFault | undefined> {
    assertKey(key)
    if (ifAbsent && !this.can.conditionalPut) {
      return {
        fault: 'unsupported',
        operation: 'put',
        key,
        detail: 'conditional puts are off for this store',
        attempts: 0,
        mayBeDone: false,
      }
    }
    const { bucket: Bucket, checksum, signBodies } = this.location
    const bytes = bytesOf(pieces)
    const sums = checksumOf(checksum, pieces)
    const writer = randomUUID()
    const condition = ifAbsent ? { IfNoneMatch: '*', Metadata: { [writerName]: writer } } : {}
    const call: SdkCall<unknown> = (client, sdk, options) => {
      const command = new sdk.PutObjectCommand({ Bucket, Key: key, ContentLength: bytes, ...sums, ...condition })
      return client.send(withPayload(command, pieces, signBodies), options)
    }
    const headers = {
      'content-length': String(bytes),
      ...checksumHeaders(sums),
      ...(ifAbsent ? { 'if-none-match': '*', [`x-amz-meta-${writerName}`]: writer } : {}),
    }
    const direct: DirectRequest = { method: 'PUT', key, headers, payloadHash: payloadHash(pieces, signBodies) }
    const answer = await this.attempts.run('put', key, this.totalMs(bytes), (attempt) =>
      this.#connection.sendDirect(direct, { ...this.#timing(attempt, bytes), pieces }, call),
    )
    if (!isFault(answer)) return undefined
    // The object exists already. It may be from an earlier attempt of this put, whose response was lost.
    if (answer.fault === 'exists' && answer.mayBeDone) return this.#isOwn(key, writer, answer)
    return answer
  }

  async #isOwn(key: string, writer: string, fault: StoreFault): Promise<StoreFault | undefined> {
    const head = await this.#head('put', key)
    if (isFault(head)) return { ...head, mayBeDone: true }
    return head.Metadata?.[writerName] === writer ? undefined : { ...fault, mayBeDone: false }
  }

  async get(key: string, start: number, end: number, into?: Uint8Array, onAgain?: () => void): Promise<Uint8Array | StoreFault> {
    if (start >= end) return new Uint8Array(0)
    const ownRoom = (bytes: number): Uint8Array | undefined => (bytes > end - start ? undefined : new Uint8Array(bytes))
    const room = (bytes: number): Uint8Array | undefined => (bytes <= end - start && into) || ownRoom(bytes)
    const Range = `bytes=${start}-${Number.isFinite(end) ? end - 1 : ''}`
    const { bucket: Bucket } = this.location
    const requested = Number.isFinite(end) ? end - start : 0
    let requests = 0
    const call = async (attempt: Attempt, isSecond: boolean): Promise<Uint8Array | RequestFailure> => {
      if (requests++ > 0) onAgain?.()
      // Two simultaneous requests must not write into the same memory.
      const transfer: Transfer = { ...this.#timing(attempt, requested), room: isSecond ? ownRoom : room }
      const answer = await this.#connection.send(
        (client, sdk, options) => client.send(new sdk.GetObjectCommand({ Bucket, Key: key, Range }), options),
        transfer,
      )
      if (!isFailure(answer)) return checkRange(answer, transfer.received, start, end)
      // The object ends before the range starts.
      return statusOf(answer.error) === 416 ? new Uint8Array(0) : answer
    }
    const hedge = requested > shortBytesMax ? this.#longReads : this.#shortReads
    const read = await this.attempts.run('get', key, this.totalMs(requested), (attempt) =>
      hedge.run(attempt.signal, (signal, isSecond) => call({ ...attempt, signal }, isSecond)),
    )
    if (into === undefined || isFault(read) || read.buffer === into.buffer) return read
    into.set(read)
    return into.subarray(0, read.length)
  }

  async size(key: string): Promise<number | StoreFault> {
    const head = await this.#head('size', key)
    return isFault(head) ? head : (head.ContentLength ?? 0)
  }

  #head(operation: StoreOperation, key: string) {
    const { bucket: Bucket } = this.location
    return this.request(operation, key, 0, {}, (client, sdk, options) =>
      client.send(new sdk.HeadObjectCommand({ Bucket, Key: key }), options),
    )
  }

  upload(key: string): ObjectUpload {
    assertKey(key)
    return new S3Upload(this, key)
  }

  async remove(keys: readonly string[]): Promise<StoreFault | undefined> {
    if (keys.length === 1) return this.#removeOne(keys[0]!)
    for (let at = 0; at < keys.length; at += removeMax) {
      const fault = await this.#removeSome(keys.slice(at, at + removeMax))
      if (fault !== undefined) return fault
    }
    return undefined
  }

  /** An S3 WAL removes its objects one by one, as many as it puts. */
  async #removeOne(key: string): Promise<StoreFault | undefined> {
    const { bucket: Bucket } = this.location
    const direct: DirectRequest = { method: 'DELETE', key, headers: {}, payloadHash: payloadHash([], true) }
    const call: SdkCall<unknown> = (client, sdk, options) => client.send(new sdk.DeleteObjectCommand({ Bucket, Key: key }), options)
    const answer = await this.attempts.run('remove', key, this.totalMs(0), async (attempt) => {
      const done = await this.#connection.sendDirect(direct, this.#timing(attempt, 0), call)
      return isFailure(done) && done.failure === 'missing' ? 'done' : done
    })
    return isFault(answer) ? answer : undefined
  }

  async #removeSome(keys: readonly string[]): Promise<StoreFault | undefined> {
    const { bucket: Bucket } = this.location
    let left = keys
    const answer = await this.attempts.run('remove', keys[0]!, this.totalMs(0), async (attempt): Promise<'done' | RequestFailure> => {
      const found = await this.#connection.send(
        (client, sdk, options) => {
          const command = new sdk.DeleteObjectsCommand({ Bucket, Delete: { Quiet: true, Objects: left.map((Key) => ({ Key })) } })
          return client.send(withMd5(command), options)
        },
        this.#timing(attempt, 0),
      )
      if (isFailure(found)) return found
      // Some keys were removed and some were not: only the others are retried.
      const failed = (found.Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey')
      if (failed.length === 0) return 'done'
      left = failed.flatMap(({ Key }) => Key ?? [])
      const { Code = '', Key = '' } = failed[0]!
      return { failure: /Denied/.test(Code) ? 'denied' : 'unavailable', detail: `${Key} was not removed: ${Code}`, mayBeDone: true }
    })
    return isFault(answer) ? answer : undefined
  }

  async list(prefix: string, from?: string, after?: string): Promise<ListPage | StoreFault> {
    const { bucket: Bucket } = this.location
    const start = from !== undefined ? { ContinuationToken: from } : after !== undefined ? { StartAfter: after } : {}
    const page = await this.request('list', prefix, 0, {}, (client, sdk, options) =>
      client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix, ...start }), options),
    )
    if (isFault(page)) return page
    const objects = (page.Contents ?? []).map(({ Key, Size, LastModified }) => ({
      key: Key ?? '',
      bytes: Size ?? 0,
      modifiedMs: LastModified?.getTime() ?? 0,
    }))
    return { objects, next: page.IsTruncated ? page.NextContinuationToken : undefined }
  }

  async abandonUploads(prefix: string, beforeMs: number): Promise<number | StoreFault> {
    const { bucket: Bucket } = this.location
    const found = await this.request('abandon', prefix, 0, {}, (client, sdk, options) =>
      client.send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: prefix }), options),
    )
    if (isFault(found)) return found
    const old = (found.Uploads ?? []).filter(({ Initiated }) => (Initiated?.getTime() ?? 0) < beforeMs)
    for (const { Key, UploadId } of old) {
      const fault = await this.endUpload(Key!, UploadId!)
      if (fault !== undefined) return fault
    }
    return old.length
  }

  /** An upload that does not exist any more has ended. */
  async endUpload(key: string, uploadId: string): Promise<StoreFault | undefined> {
    const { bucket: Bucket } = this.location
    const answer = await this.request('abandon', key, 0, {}, (client, sdk, options) =>
      client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId }), options).catch((error) => {
        if (statusOf(error) !== 404) throw error
      }),
    )
    return isFault(answer) ? answer : undefined
  }

  async close(): Promise<void> {
    this.attempts.close()
    this.#connection.close()
  }

  /** A request with all its attempts. `bytes` is the size of the transfer. */
  request<T>(
    operation: StoreOperation,
    key: string,
    bytes: number,
    transfer: Pick<Transfer, 'pieces'>,
    call: SdkCall<T>,
  ): Promise<T | StoreFault> {
    return this.attempts.run<T>(operation, key, this.totalMs(bytes), (attempt) => this.once(attempt, bytes, transfer, call))
  }

  once<T>(attempt: Attempt, bytes: number, transfer: Pick<Transfer, 'pieces'>, call: SdkCall<T>): Promise<T | Failed> {
    return this.#connection.send(call, { ...this.#timing(attempt, bytes), ...transfer })
  }

  totalMs(bytes: number): number {
    return this.location.timeoutMs + (2 * bytes) / slowestBytesPerMs
  }

  #timing({ signal, leftMs }: Attempt, bytes: number): Transfer {
    const timeoutMs = Math.min(this.location.attemptTimeoutMs + bytes / slowestBytesPerMs, leftMs)
    return { signal, timeoutMs: Math.max(1, Math.ceil(timeoutMs)) }
  }
}

export const statusOf = (error: unknown): number | undefined =>
  (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode

/** Rejects a response with a different range of the object than requested. */
function checkRange(
  answer: GetObjectCommandOutput,
  received: Uint8Array | undefined,
  start: number,
  end: number,
): Uint8Array | RequestFailure {
  const body = received ?? new Uint8Array(0)
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.ContentRange ?? `bytes 0-${body.length - 1}/${body.length}`) ?? []
  const isRight = Number(first) === start && Number(last) + 1 === Math.min(end, Number(total)) && body.length === Number(last) + 1 - start
  if (isRight) return body
  const detail = `requested [${start}, ${end}), received ${body.length} bytes as ${answer.ContentRange ?? 'the whole object'}`
  return { failure: 'corrupt', detail, mayBeDone: false }
}
