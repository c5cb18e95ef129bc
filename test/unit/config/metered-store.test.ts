import { expect, test } from 'vitest'
import { putBudgetText, type StoreWal, walUri } from '../../../src/config/wal-uri.ts'

const interval = (query: string): number => (walUri.read(`s3://bucket?${query}`) as StoreWal).batchIntervalMs

test.each([
  'region=eu-central-1',
  'endpoint=',
  'endpoint=https://s3.eu-central-1.amazonaws.com',
  'endpoint=https://vpce-1.s3.us-east-1.vpce.AMAZONAWS.com:443',
  'endpoint=https://storage.googleapis.com',
  'endpoint=https://account.r2.cloudflarestorage.com',
])('S3 WAL URI: the budget of puts is 4 per second on a store that charges for them, with %s', (query) => {
  expect(interval(query)).toBe(250)
  expect(interval(`${query}&batchInterval=0`)).toBe(0)
})

test.each([
  'endpoint=http://127.0.0.1:9000',
  'endpoint=http://minio:9000',
  'endpoint=http://[::1]:7480',
  'endpoint=https://s3.example.org',
  'endpoint=https://amazonaws.com.example.org',
  'endpoint=https://notamazonaws.com',
])('S3 WAL URI: puts have no limit on a private store, with %s', (query) => {
  expect(interval(query)).toBe(0)
  expect(interval(`${query}&batchInterval=250`)).toBe(250)
})

test.each([
  [
    'region=eu-central-1',
    'a budget of 4 PUTs per second, averaged over a minute: the provider charges for requests, and batchInterval is not set',
  ],
  ['endpoint=http://minio:9000', 'unlimited PUTs: the endpoint is not a provider that charges for requests, and batchInterval is not set'],
  ['region=eu-central-1&batchInterval=0', 'unlimited PUTs: batchInterval is set to 0'],
  [
    'endpoint=http://minio:9000&batchInterval=3000',
    'a budget of 0.333 PUTs per second, averaged over a minute: batchInterval is set to 3000',
  ],
])('S3 WAL URI: the log states the budget of puts and its reason, with %s', (query, text) => {
  expect(putBudgetText(walUri.read(`s3://bucket?${query}`) as StoreWal)).toBe(`the S3 WAL has ${text}`)
})
