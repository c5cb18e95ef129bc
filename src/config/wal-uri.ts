import type { S3Location } from '../ports/object-store.ts'
import { bytes, InvalidValue, integer, type Kind, sizeText } from './kind.ts'
import { isMetered } from './metered-store.ts'
import { parseStoreUri } from './store-uri.ts'

/** Location of the WAL. */
export type WalUri = FileWal | StoreWal

/** A file or a block device. A null path is a separate file in log.dirs. */
export interface FileWal {
  readonly scheme: 'file'
  readonly path: string | null
  readonly capacityBytes: number
  /** False: a file gets the default, a block device is used whole. */
  readonly isCapacityGiven: boolean
}

/** An S3 WAL: it is as large as the log cache, and needs no disk. */
export interface StoreWal {
  readonly scheme: 's3'
  readonly location: S3Location
  /** Average interval of puts over a minute; 0 for no limit. */
  readonly batchIntervalMs: number
  /** False: the interval is the default for this store. */
  readonly isIntervalGiven: boolean
  /** Maximum bytes of an object. An object of this size does not wait for the interval. */
  readonly batchBytesMax: number
  /** Maximum unflushed bytes; the log cache limits them in any case. */
  readonly unflushedBytesMax: number
  /** Maximum number of concurrent uploads. */
  readonly uploadsMax: number
}

const MiB = 2 ** 20
const capacity = bytes(8 * MiB, 2 ** 42)
const capacityDefault = 2 * 2 ** 30

/** Parameters of the URI of an S3 WAL, besides those of the store. Names are those of AutoMQ. */
export const walStoreParameters = {
  batchInterval: integer(0, 60_000),
  maxBytesInBatch: bytes(MiB, 64 * MiB),
  maxUnflushedBytes: bytes(MiB, 64 * 1024 * MiB),
  maxInflightUploadCount: integer(1, 1000),
} as const satisfies Readonly<Record<string, Kind<number>>>
const storeDefaults = { maxBytesInBatch: 8 * MiB, maxUnflushedBytes: 1024 * MiB, maxInflightUploadCount: 50 }
/** On a store that charges for puts; elsewhere there is no limit. */
const meteredIntervalMs = 250

/** `file:///PATH?capacity=2GiB` or `s3://BUCKET?…`. A leading bucket id (`0@`), as AutoMQ writes it, is ignored. */
export const walUri: Kind<WalUri> = {
  accepts: 'file:// or s3:// URI',
  read(text) {
    const [, scheme, path, query] = /^(?:-?\d+@)?([a-z][a-z0-9]*):\/\/([^?]*)(?:\?(.*))?$/s.exec(text) ?? []
    if (scheme === 's3') return storeWal(text)
    if (scheme === 'file') return fileWal(path!, query ?? '')
    if (scheme !== undefined) return new InvalidValue(`must be file:// or s3://: a write-ahead log on ${scheme}:// is not supported`)
    return new InvalidValue(`must be a URI, such as file:///var/lib/millrace/wal?capacity=${sizeText(capacityDefault)}`)
  },
}

function fileWal(path: string, query: string): FileWal | InvalidValue {
  if (path !== '' && !path.startsWith('/')) return new InvalidValue('must have an absolute path: three slashes after file:')
  let capacityBytes = capacityDefault
  let isCapacityGiven = false
  for (const parameter of query.split('&').filter((each) => each !== '')) {
    const [name, value] = parameter.split('=')
    if (name !== 'capacity') return new InvalidValue(`must have no parameter but capacity, not ${name}`)
    const size = capacity.read(value ?? '')
    if (size instanceof InvalidValue) return new InvalidValue(`must have a valid capacity: it ${size.allowed}`)
    capacityBytes = size
    isCapacityGiven = true
  }
  return { scheme: 'file', path: path === '' ? null : decodeURIComponent(path), capacityBytes, isCapacityGiven }
}

function storeWal(text: string): StoreWal | InvalidValue {
  const found = parseStoreUri(text, Object.keys(walStoreParameters))
  if (found instanceof InvalidValue) return found
  const location = found.location as S3Location
  const batchInterval = isMetered(location) ? meteredIntervalMs : 0
  const given: Record<keyof typeof walStoreParameters, number> = { ...storeDefaults, batchInterval }
  for (const [name, value] of found.rest) {
    const read = walStoreParameters[name as keyof typeof walStoreParameters].read(value)
    if (read instanceof InvalidValue) return new InvalidValue(`must have a valid ${name}: it ${read.allowed}`)
    given[name as keyof typeof walStoreParameters] = read
  }
  if (!location.conditionalPut) {
    return new InvalidValue(
      'must be on a store with conditional puts, which prevent two nodes from writing one log: not conditionalPut=false',
    )
  }
  return {
    scheme: 's3',
    location,
    batchIntervalMs: given.batchInterval,
    isIntervalGiven: found.rest.has('batchInterval'),
    batchBytesMax: given.maxBytesInBatch,
    unflushedBytesMax: given.maxUnflushedBytes,
    uploadsMax: given.maxInflightUploadCount,
  }
}

const secondMs = 1000

/** The budget of puts and its reason, for the log of a start. */
export function putBudgetText({ batchIntervalMs, isIntervalGiven }: StoreWal): string {
  const rate =
    batchIntervalMs === 0
      ? 'unlimited PUTs'
      : `a budget of ${Number((secondMs / batchIntervalMs).toPrecision(3))} PUTs per second, averaged over a minute`
  if (isIntervalGiven) return `the S3 WAL has ${rate}: batchInterval is set to ${batchIntervalMs}`
  const reason = batchIntervalMs === 0 ? 'the endpoint is not a provider that charges for requests' : 'the provider charges for requests'
  return `the S3 WAL has ${rate}: ${reason}, and batchInterval is not set`
}
