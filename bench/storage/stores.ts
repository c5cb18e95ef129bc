import { randomUUID } from 'node:crypto'
import { account, createBucket, storeServers } from '../../test/interop/store-servers.ts'

/** A store for a broker; undefined is the broker's own folder. */
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
  const running = await server.start()
  const { endpoint, stop } = running
  const bucket = `bench-${randomUUID().slice(0, 8)}`
  await createBucket(running, bucket)
  const keys = `accessKey=${encodeURIComponent(account.accessKey)}&secretKey=${encodeURIComponent(account.secretKey)}`
  return { name: server.name, uri: `s3://${bucket}?endpoint=${endpoint}&pathStyle=true&${keys}`, stop }
}
