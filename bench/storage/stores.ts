import { randomUUID } from 'node:crypto'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { account, storeServers } from '../../test/interop/store-servers.ts'

/** A store that a broker can be pointed at; undefined is the broker's own folder. */
export interface BenchStore {
  readonly name: string
  readonly uri: string | undefined
  stop(): Promise<void>
}

/** `file`, or the name of an S3 server that is found on this machine. */
export async function startStore(name: string): Promise<BenchStore> {
  if (name === 'file') return { name, uri: undefined, stop: () => Promise.resolve() }
  const server = storeServers.find((each) => each.name.toLowerCase() === name.toLowerCase())
  if (server === undefined) throw new Error(`no store ${name}; there are file, ${storeServers.map((each) => each.name).join(', ')}`)
  const why = server.absent()
  if (why !== undefined) throw new Error(why)
  const { endpoint, stop } = await server.start()
  const bucket = `bench-${randomUUID().slice(0, 8)}`
  const credentials = { accessKeyId: account.accessKey, secretAccessKey: account.secretKey }
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  const keys = `accessKey=${encodeURIComponent(account.accessKey)}&secretKey=${encodeURIComponent(account.secretKey)}`
  return { name: server.name, uri: `s3://${bucket}?endpoint=${endpoint}&pathStyle=true&${keys}`, stop }
}
