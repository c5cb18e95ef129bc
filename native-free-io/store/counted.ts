import type { StoreMeter, StoreRequest } from '../../src/object-store/request-metrics.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import type { ObjectStore, ObjectUpload, Piece, StoreFault } from '../../src/ports/object-store.ts'

/** A store that sends no requests; each operation counts as one. S3 counts the requests that it sends. */
export function counted(store: ObjectStore, meter: StoreMeter): ObjectStore {
  const count = async <T>(row: StoreRequest, work: Promise<T>, sent = 0): Promise<T> => {
    meter.add(row, 1)
    meter.add('sentBytes', sent)
    const answer = await work
    if (answer instanceof Uint8Array) meter.add('receivedBytes', answer.length)
    // `missing` and `exists` are answers, not failures.
    if (isFault(answer) && answer.fault !== 'missing' && answer.fault !== 'exists') meter.add('failed', 1)
    return answer
  }
  return {
    can: store.can,
    put: (key, pieces, options) => count('put', store.put(key, pieces, options), sizeOf(pieces)),
    get: (key, start, end, into) => count('get', store.get(key, start, end, into)),
    gather: store.gather && ((key, pieces) => count('get', gathered(store, meter, key, pieces))),
    adopt: store.adopt && ((path, key) => count('put', store.adopt!(path, key))),
    recycle: store.recycle && ((key, path, bytes) => count('delete', store.recycle!(key, path, bytes))),
    size: (key) => count('head', store.size(key)),
    upload: (key) => countedUpload(store.upload(key), count),
    remove: (keys) => count('delete', store.remove(keys)),
    list: (prefix, from, after) => count('list', store.list(prefix, from, after)),
    abandonUploads: (prefix, beforeMs) => count('list', store.abandonUploads(prefix, beforeMs)),
    close: () => store.close(),
  }
}

async function gathered(store: ObjectStore, meter: StoreMeter, key: string, pieces: readonly Piece[]): Promise<boolean | StoreFault> {
  const answer = await store.gather!(key, pieces)
  if (answer === true) meter.add('receivedBytes', sizeOf(pieces.map(({ into }) => into)))
  return answer
}

type Count = <T>(row: StoreRequest, work: Promise<T>, sent?: number) => Promise<T>

function countedUpload(upload: ObjectUpload, count: Count): ObjectUpload {
  let copied = 0
  return {
    get bytes() {
      return upload.bytes
    },
    append: (pieces) => upload.append(pieces),
    async copy(key, start, end): Promise<StoreFault | undefined> {
      const fault = await count('copy', upload.copy(key, start, end))
      if (fault === undefined) copied += end - start
      return fault
    },
    complete: () => count('put', upload.complete(), upload.bytes - copied),
    abort: () => upload.abort(),
  }
}

const sizeOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0)
