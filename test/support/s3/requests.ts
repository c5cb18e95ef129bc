import type { IncomingMessage } from 'node:http'
import type { S3Operation } from './faults.ts'
import type { ChunkCheck } from './signature.ts'

/** The operation and object of a request, from its method, path and query. */
export interface S3Request {
  readonly operation: S3Operation
  readonly bucket: string
  readonly key: string
  readonly query: URLSearchParams
  readonly message: IncomingMessage
  /** For a body in signed chunks. */
  readonly chunks?: ChunkCheck
}

/**
 * The bucket is in the path, `/bucket/key`, or before the domain in the host name. Undefined for an operation that is not supported here.
 */
export function parseRequest(message: IncomingMessage, domain: string): S3Request | undefined {
  const [given, query] = message.url!.split('?') as [string, string?]
  const host = String(message.headers.host).replace(/:\d+$/, '')
  const path = host.endsWith(`.${domain}`) ? `/${host.slice(0, -domain.length - 1)}${given}` : given
  const [, bucket, rest] = /^\/([^/]*)\/?(.*)$/s.exec(path)!
  const parameters = new URLSearchParams((query ?? '').replaceAll('+', '%2B'))
  const key = decodeURIComponent(rest!)
  const operation = key === '' ? bucketOperation(message, parameters) : objectOperation(message, parameters)
  return operation && { operation, bucket: decodeURIComponent(bucket!), key, query: parameters, message }
}

function bucketOperation({ method }: IncomingMessage, query: URLSearchParams): S3Operation | undefined {
  if (method === 'POST') return query.has('delete') ? 'removeMany' : undefined
  if (method === 'GET') return query.has('uploads') ? 'listUploads' : query.get('list-type') === '2' ? 'list' : undefined
  return method === 'PUT' || method === 'HEAD' || method === 'DELETE' ? 'bucket' : undefined
}

function objectOperation({ method, headers }: IncomingMessage, query: URLSearchParams): S3Operation | undefined {
  const isCopy = headers['x-amz-copy-source'] !== undefined
  switch (method) {
    case 'GET':
      return query.has('uploadId') ? 'listParts' : 'get'
    case 'HEAD':
      return 'head'
    case 'DELETE':
      return query.has('uploadId') ? 'abortUpload' : 'delete'
    case 'POST':
      return query.has('uploads') ? 'createUpload' : query.has('uploadId') ? 'completeUpload' : undefined
    case 'PUT':
      if (query.has('uploadId')) return isCopy ? 'copyPart' : 'uploadPart'
      return isCopy ? 'copyObject' : 'put'
    default:
      return undefined
  }
}

/** An element; its content is escaped unless it consists of elements. */
export const tag = (name: string, content: string | number | readonly string[]): string =>
  `<${name}>${typeof content === 'object' ? content.join('') : escaped(String(content))}</${name}>`

export const xml = (name: string, content: readonly string[]): string => `<?xml version="1.0" encoding="UTF-8"?>\n${tag(name, content)}`

const escaped = (text: string): string => text.replace(/[&<>"\r]/g, (each) => `&#${each.charCodeAt(0)};`)

const unescaped = (text: string): string =>
  text
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')

/** The contents of every element of this name without nested elements. */
export const contents = (text: string, name: string): string[] =>
  [...text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, content]) => unescaped(content!))
