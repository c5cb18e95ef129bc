import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { InvalidValue } from '../../../src/config/kind.ts'
import { load } from '../../../src/config/load.ts'
import { credentialsIn, parseStoreUri, storeName, storeUri, uriWithoutSecrets } from '../../../src/config/store-uri.ts'
import type { S3Location } from '../../../src/ports/object-store.ts'

const secret = 'wJalr/XUtn+FEMI=K7MDENG,b%25Px'
const s3 = (uri: string): S3Location => storeUri.read(uri) as S3Location
const rejection = (uri: string): string => {
  const read = storeUri.read(uri)
  return read instanceof InvalidValue ? read.allowed : `accepted: ${inspect(read)}`
}

test('store URI: a bucket needs nothing but its name', () => {
  expect(s3('s3://bucket')).toEqual({
    scheme: 's3',
    bucket: 'bucket',
    region: 'us-east-1',
    endpoint: null,
    pathStyle: false,
    credentials: { type: 'environment' },
    checksum: null,
    signBodies: false,
    conditionalPut: true,
    attemptTimeoutMs: 10_000,
    timeoutMs: 30_000,
    partBytes: 16 * 2 ** 20,
  })
})

test('store URI: every parameter of a bucket is read, and the id that AutoMQ puts in front changes nothing', () => {
  const uri = `0@s3://logs?region=r1&endpoint=https://store.example:9000&pathStyle=true&authType=static&accessKey=me&secretKey=${secret}&checksumAlgorithm=CRC32C&apiCallTimeoutMs=5000&apiCallAttemptTimeoutMs=1000&signBodies=true&conditionalPut=false&partSize=8MiB&type=main`
  expect(s3(uri)).toEqual({
    scheme: 's3',
    bucket: 'logs',
    region: 'r1',
    endpoint: 'https://store.example:9000',
    pathStyle: true,
    credentials: { type: 'static', accessKey: 'me', secretKey: 'wJalr/XUtn+FEMI=K7MDENG,b%Px' },
    checksum: 'CRC32C',
    signBodies: true,
    conditionalPut: false,
    attemptTimeoutMs: 1000,
    timeoutMs: 5000,
    partBytes: 8 * 2 ** 20,
  })
})

test.each([
  ['http://127.0.0.1:9000', true],
  ['http://minio:9000', true],
  ['http://[::1]:9000', true],
  ['https://oss-cn-shanghai.aliyuncs.com', false],
])('store URI: at %s a bucket is in the path: %s, unless the URI sets pathStyle', (endpoint, expected) => {
  expect(s3(`s3://b-1?endpoint=${encodeURIComponent(endpoint)}`).pathStyle).toBe(expected)
  expect(s3(`s3://b-1?endpoint=${endpoint}&pathStyle=${!expected}`).pathStyle).toBe(!expected)
})

test('store URI: folders and memory are stores too', () => {
  expect(storeUri.read('file:///var/lib/my%20objects')).toEqual({ scheme: 'file', folder: '/var/lib/my objects' })
  expect(storeUri.read('0@mem://a')).toEqual({ scheme: 'mem', name: 'a' })
})

test('store URI: parameters of a log on a bucket are left to the log', () => {
  const { location, rest } = parseStoreUri('0@s3://wal?batchInterval=250&region=r', ['batchInterval', 'maxBytesInBatch']) as Exclude<
    ReturnType<typeof parseStoreUri>,
    InvalidValue
  >
  expect(location).toMatchObject({ bucket: 'wal', region: 'r' })
  expect([...rest]).toEqual([['batchInterval', '250']])
  expect(rejection('s3://wal?batchInterval=250')).toMatch(/no parameter but .*, and has batchInterval/)
})

test.each([
  ['bucket', /must be a URI/],
  ['gs://bucket', /must be s3:\/\/, file:\/\/ or mem:\/\/: a store on gs/],
  ['s3://', /name of a bucket/],
  ['s3://bucket/folder', /name of a bucket, and no path/],
  ['s3://b?', /name of a bucket/],
  ['file://dir', /absolute path/],
  ['file:///dir?x=1', /no parameters on file:\/\/, and has x/],
  ['0@s3://one,1@s3://two', /must name one bucket/],
  ['s3://bucket?pathStyle=maybe', /must have a valid pathStyle: it must be true or false/],
  ['s3://bucket?region=a&region=b', /must have one region/],
  ['s3://bucket?region', /must have a region that is percent-encoded/],
  ['s3://bucket?endpoint=127.0.0.1:9000', /must have an endpoint of the form/],
  ['s3://bucket?endpoint=http://me:pw@host', /must have an endpoint of the form/],
  ['s3://bucket?accessKey=a', /both, or neither/],
  ['s3://bucket?accessKey=&secretKey=', /not empty/],
  ['s3://bucket?authType=instance&accessKey=a&secretKey=b', /no keys with authType=instance/],
  ['s3://bucket?apiCallTimeoutMs=5&apiCallAttemptTimeoutMs=6', /at least apiCallAttemptTimeoutMs/],
  ['s3://bucket?checksumAlgorithm=SHA1', /CRC32, CRC32C/],
  ['s3://bucket?type=background', /and has type/],
])('store URI: %s is rejected with its message', (uri, words) => {
  expect(rejection(uri)).toMatch(words)
})

const hidden = 'S3cr3t'
test.each([
  `s3://bucket?accessKey=${hidden}`,
  `s3://bucket?accessKey=a&secretKey=${hidden}%zz`,
  `s3://bucket?accessKey=a&secretKey=b&secretKey=${hidden}`,
  `s3://bucket?secretkey=${hidden}`,
  `s3://bucket?secretKey =${hidden}`,
  `s3://bucket?secretKey=,,${hidden}`,
  `s3://bucket/${'p'}?secretKey=${hidden}`,
  `s3:/bucket?secretKey=${hidden}`,
  `s3://bucket?authType=instance&accessKey=${hidden}&secretKey=${hidden}`,
  `0@s3://one?accessKey=a&secretKey=${hidden},1@s3://two?secretKey=${hidden}`,
])('store URI: the error for %s does not contain the secret', (uri) => {
  expect(rejection(uri)).not.toMatch(/accepted|S3cr3t/)
  const response = inspect([load({ name: 'a.properties', content: `s3.wal.path=${uri}` }, []), load(undefined, [`s3.wal.path=${uri}`])])
  expect(response).toMatch(/s3\.wal\.path/)
  expect(response).not.toMatch(hidden)
})

test('store URI: a URI is displayed without credentials', () => {
  expect(uriWithoutSecrets(`0@s3://a?accessKey=x&region=r&secretKey=${secret},1@s3://b?s3-secret-key=y`)).toBe(
    '0@s3://a?accessKey=***&region=r&secretKey=***,1@s3://b?s3-secret-key=***',
  )
  expect(storeName(s3('s3://bucket?accessKey=x&secretKey=y&endpoint=http://h'))).toBe('s3://bucket at http://h')
  expect(storeName(s3('s3://bucket?region=r'))).toBe('s3://bucket in r')
})

test('store URI: credentials are those of the URI, else of the environment, else of the machine', () => {
  const environment = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 't' }
  const given = s3('s3://bucket?accessKey=x&secretKey=y').credentials
  expect(credentialsIn(environment, given)).toEqual({ type: 'static', accessKey: 'x', secretKey: 'y' })
  const none = s3('s3://bucket').credentials
  expect(credentialsIn(environment, none)).toEqual({ type: 'static', accessKey: 'a', secretKey: 's', sessionToken: 't' })
  const ours = { ...environment, MILLRACE_S3_ACCESS_KEY: 'm', MILLRACE_S3_SECRET_KEY: 'n' }
  expect(credentialsIn(ours, none)).toEqual({ type: 'static', accessKey: 'm', secretKey: 'n' })
  expect(credentialsIn({}, none)).toEqual({ type: 'instance' })
  expect(credentialsIn(environment, s3('s3://bucket?authType=instance').credentials)).toEqual({ type: 'instance' })
})
