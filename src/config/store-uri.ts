import type { S3Credentials, S3Location, StoreLocation } from '../ports/object-store.ts'
import { boolean, bytes, InvalidValue, integer, type Kind, oneOf, text } from './kind.ts'

const MiB = 2 ** 20

/** Parameters of an s3:// URI. Errors name the parameter and never its value, which may be a secret. */
export const storeParameters = {
  region: text,
  endpoint: text,
  pathStyle: boolean,
  authType: oneOf(['static', 'instance']),
  accessKey: text,
  secretKey: text,
  checksumAlgorithm: oneOf(['CRC32', 'CRC32C']),
  apiCallTimeoutMs: integer(1, 3_600_000),
  apiCallAttemptTimeoutMs: integer(1, 3_600_000),
  signBodies: boolean,
  conditionalPut: boolean,
  partSize: bytes(5 * MiB, 1024 * MiB),
} as const satisfies Readonly<Record<string, Kind<unknown>>>

type Given = { -readonly [Name in keyof typeof storeParameters]?: (typeof storeParameters)[Name] extends Kind<infer T> ? T : never }

/** A store, and the parameters of the caller, such as those of an S3 WAL. */
export interface StoreUri {
  readonly location: StoreLocation
  readonly rest: ReadonlyMap<string, string>
}

/** `file:///dir`, `mem://name`, `s3://bucket?region=&endpoint=…`. A leading bucket id (`0@`), as AutoMQ writes it, is ignored. */
export const storeUri: Kind<StoreLocation> = {
  accepts: 's3://, file:// or mem:// URI',
  read(given) {
    const found = parseStoreUri(given, [])
    return found instanceof InvalidValue ? found : found.location
  },
}

/** `own` names the parameters of the caller. */
export function parseStoreUri(given: string, own: readonly string[]): StoreUri | InvalidValue {
  if (/,\s*-?\d+@/.test(given)) return new InvalidValue('must name one bucket: several are not supported')
  const [, scheme, place, query] = /^(?:-?\d+@)?([a-z][a-z0-9]*):\/\/([^?]*)(?:\?(.*))?$/s.exec(given.trim()) ?? []
  if (scheme === undefined)
    return new InvalidValue('must be a URI, such as s3://bucket?region=eu-central-1 or file:///var/lib/millrace/objects')
  const named = pairsOf(query ?? '')
  if (named instanceof InvalidValue) return named
  const rest = new Map<string, string>()
  for (const name of own) {
    if (named.has(name)) rest.set(name, named.get(name)!)
    named.delete(name)
  }
  const location = locationOf(scheme, place!, named)
  return location instanceof InvalidValue ? location : { location, rest }
}

function locationOf(scheme: string, place: string, named: ReadonlyMap<string, string>): StoreLocation | InvalidValue {
  if (scheme === 's3') return s3Location(place, named)
  if (scheme !== 'file' && scheme !== 'mem')
    return new InvalidValue(`must be s3://, file:// or mem://: a store on ${scheme}:// is not supported`)
  const [first] = named.keys()
  if (first !== undefined) return new InvalidValue(`must have no parameters on ${scheme}://, and has ${first}`)
  if (scheme === 'mem') return { scheme, name: place }
  const folder = decoded(place)
  if (!folder?.startsWith('/')) return new InvalidValue('must have an absolute path: three slashes after file:')
  return { scheme, folder }
}

function s3Location(bucket: string, named: ReadonlyMap<string, string>): S3Location | InvalidValue {
  // A trailing slash after the bucket is common; a longer path would be a folder, which is not supported.
  const name = bucket.replace(/\/$/, '')
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(name))
    return new InvalidValue('must have the name of a bucket, and no path, after s3://')
  const given = read(named)
  if (given instanceof InvalidValue) return given
  const credentials = credentialsOf(given)
  if (credentials instanceof InvalidValue) return credentials
  const endpoint = given.endpoint === undefined || given.endpoint === '' ? null : endpointOf(given.endpoint)
  if (endpoint instanceof InvalidValue) return endpoint
  const attemptTimeoutMs = given.apiCallAttemptTimeoutMs ?? 10_000
  const timeoutMs = given.apiCallTimeoutMs ?? Math.max(30_000, attemptTimeoutMs)
  if (timeoutMs < attemptTimeoutMs) return new InvalidValue('must have an apiCallTimeoutMs that is at least apiCallAttemptTimeoutMs')
  return {
    scheme: 's3',
    bucket: name,
    region: given.region || 'us-east-1',
    endpoint,
    pathStyle: given.pathStyle ?? (endpoint !== null && hasNoSubdomains(endpoint)),
    credentials,
    checksum: given.checksumAlgorithm ?? null,
    signBodies: given.signBodies ?? false,
    conditionalPut: given.conditionalPut ?? true,
    attemptTimeoutMs,
    timeoutMs,
    partBytes: given.partSize ?? 16 * MiB,
  }
}

function read(named: ReadonlyMap<string, string>): Given | InvalidValue {
  const given: Record<string, unknown> = {}
  for (const [name, value] of named) {
    // AutoMQ's bucket role. `main` is the only one that is supported.
    if (name === 'type' && value === 'main') continue
    if (!Object.hasOwn(storeParameters, name))
      return new InvalidValue(`must have no parameter but ${Object.keys(storeParameters).join(', ')}, and has ${name}`)
    const found = storeParameters[name as keyof typeof storeParameters].read(value)
    if (found instanceof InvalidValue) return new InvalidValue(`must have a valid ${name}: it ${found.allowed}`)
    given[name] = found
  }
  return given as Given
}

function credentialsOf({ authType, accessKey, secretKey }: Given): S3Credentials | InvalidValue {
  if ((accessKey === undefined) !== (secretKey === undefined)) return new InvalidValue('must have accessKey and secretKey both, or neither')
  if (accessKey === '' || secretKey === '') return new InvalidValue('must have an accessKey and a secretKey that are not empty')
  if (authType === 'instance') {
    return accessKey === undefined
      ? { type: 'instance' }
      : new InvalidValue('must have no keys with authType=instance: the credentials are those of the machine')
  }
  return accessKey === undefined ? { type: 'environment' } : { type: 'static', accessKey, secretKey: secretKey! }
}

/** Scheme, host and port. User information before an `@` is rejected: it would be a secret in an unexpected place. */
function endpointOf(given: string): string | InvalidValue {
  const [, origin] = /^(https?:\/\/(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?)\/?$/.exec(given) ?? []
  return origin ?? new InvalidValue('must have an endpoint of the form http(s)://HOST or http(s)://HOST:PORT')
}

/** An address or a name without dots: the bucket cannot precede it as a subdomain. */
const hasNoSubdomains = (endpoint: string): boolean => {
  const host = endpoint.replace(/^https?:\/\//, '').replace(/:\d+$/, '')
  return host.startsWith('[') || /^[\d.]+$/.test(host) || !host.includes('.')
}

function pairsOf(query: string): Map<string, string> | InvalidValue {
  const named = new Map<string, string>()
  for (const pair of query.split('&').filter((each) => each !== '')) {
    const at = pair.indexOf('=')
    const name = at < 0 ? pair : pair.slice(0, at)
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(name)) return new InvalidValue('must have parameters of the form NAME=VALUE, separated by &')
    const value = at < 0 ? undefined : decoded(pair.slice(at + 1))
    if (value === undefined) return new InvalidValue(`must have a ${name} that is percent-encoded: % is written %25, & is written %26`)
    if (named.has(name)) return new InvalidValue(`must have one ${name}`)
    named.set(name, value)
  }
  return named
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

export type Environment = { readonly [name: string]: string | undefined }

/** Environment variables, in the order in which they are searched: access key, secret key, session token. */
const environmentNames = [
  ['MILLRACE_S3_ACCESS_KEY', 'MILLRACE_S3_SECRET_KEY', 'MILLRACE_S3_SESSION_TOKEN'],
  ['KAFKA_S3_ACCESS_KEY', 'KAFKA_S3_SECRET_KEY', 'KAFKA_S3_SESSION_TOKEN'],
  ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
] as const

/** Credentials of the URI or the environment; without any, those of the machine. */
export function credentialsIn(environment: Environment, credentials: S3Credentials): Exclude<S3Credentials, { type: 'environment' }> {
  if (credentials.type !== 'environment') return credentials
  for (const [access, secret, token] of environmentNames) {
    const [accessKey, secretKey, sessionToken] = [environment[access], environment[secret], environment[token]]
    if (accessKey && secretKey) return { type: 'static', accessKey, secretKey, ...(sessionToken ? { sessionToken } : {}) }
  }
  return { type: 'instance' }
}

/** A store's name for logs and messages: no keys, no tokens. */
export function storeName(location: StoreLocation): string {
  if (location.scheme === 'file') return `file://${location.folder}`
  if (location.scheme === 'mem') return `mem://${location.name}`
  return `s3://${location.bucket}${location.endpoint === null ? ` in ${location.region}` : ` at ${location.endpoint}`}`
}

/** The URI for display, valid or not: the values of `accessKey=` and `secretKey=` are left out. */
export const uriWithoutSecrets = (uri: string): string =>
  uri.replace(/((?:access|secret)[-_.]?key\s*=)[^&]*?(?=&|,\s*-?\d+@|$)/gis, '$1***')
