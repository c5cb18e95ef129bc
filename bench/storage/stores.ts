import { randomUUID } from 'node:crypto'
import { account, createBucket, storeServers } from '../../test/interop/store-servers.ts'
import type { Requests } from './aws-prices.ts'

/** A store for a broker; undefined is the broker's own folder. */
export interface BenchStore {
  readonly name: string
  readonly uri: string | undefined
  readonly server: BenchServer | undefined
  stop(): Promise<void>
}

export interface BenchServer {
  readonly endpoint: string
  readonly bucket: string
  /** Requests that the server has counted; undefined where it does not count them. */
  requests(): Promise<Requests | undefined>
}

/** `file`, or the name of an S3 server that is found on this machine. */
export async function startStore(name: string): Promise<BenchStore> {
  if (name === 'file') return { name, uri: undefined, server: undefined, stop: () => Promise.resolve() }
  const server = storeServers.find((each) => each.name.toLowerCase() === name.toLowerCase())
  if (server === undefined) throw new Error(`no store ${name}; there are file, ${storeServers.map((each) => each.name).join(', ')}`)
  const why = server.absent()
  if (why !== undefined) throw new Error(why)
  const running = await server.start()
  const { endpoint, stop } = running
  const bucket = `bench-${randomUUID().slice(0, 8)}`
  await createBucket(running, bucket)
  const keys = `accessKey=${encodeURIComponent(account.accessKey)}&secretKey=${encodeURIComponent(account.secretKey)}`
  return {
    name: server.name,
    uri: `s3://${bucket}?endpoint=${endpoint}&pathStyle=true&${keys}`,
    server: { endpoint, bucket, requests: () => requestsOf(endpoint) },
    stop,
  }
}

/** MinIO's counters. */
async function requestsOf(endpoint: string): Promise<Requests | undefined> {
  const response = await fetch(`${endpoint}/minio/metrics/v3/api/requests`)
  const text = await response.text()
  if (!response.ok || !text.includes('minio_api')) return undefined
  const counted = [...text.matchAll(/^minio_api_requests_total\{name="(\w+)".*\} (\d+)/gm)]
  const sum = (names: RegExp): number => counted.reduce((total, [, name, count]) => total + (names.test(name!) ? Number(count) : 0), 0)
  return { puts: sum(/^(Put|Copy|NewMultipart|CompleteMultipart|List)/), gets: sum(/^(Get|Head)/) }
}
