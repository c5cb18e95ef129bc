import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { expect, test } from 'vitest'
import { openStore } from '../../../native-free-io/store/open-store.ts'
import { long } from '../../support/long.ts'
import { certificatePath, domain, S3Server } from '../../support/s3/server.ts'
import { triedApart } from './apart.ts'
import { contract } from './contract.ts'
import { s3At } from './s3-location.ts'

const limitMs = 120_000
const keys = { accessKey: 'tester', secretKey: 'testing/+=secret' }

test.each([
  ['over TLS', true, true],
  ['over TLS with the bucket in the name of the host', true, false],
  ['with the bucket in the name of the host', false, false],
])('object store addresses: a store %s keeps the contract', long(limitMs), async (_, isTls, pathStyle) => {
  const server = new S3Server({ isTls })
  await server.start()
  try {
    const uri = `s3://bucket?endpoint=${server.endpointAt(domain)}&pathStyle=${pathStyle}&partSize=5MiB`
    const output = await triedApart(uri, keys, isTls ? certificatePath : undefined)
    expect(output).toContain(`${Object.keys(contract).length} passed, 0 failed`)
  } finally {
    await server.stop()
  }
})

test('object store addresses: a store with an untrusted certificate receives nothing, and the fault contains the reason', async () => {
  const server = new S3Server({ isTls: true })
  await server.start()
  const store = await openStore(s3At(server, { attemptTimeoutMs: 3000, timeoutMs: 3000 }), { environment: {} })
  expect(await store.put('a', [Buffer.from('secret')])).toMatchObject({
    fault: 'unavailable',
    mayBeDone: false,
    detail: expect.stringMatching(/self-signed certificate/i),
  })
  expect(server.count('put')).toBe(0)
  await store.close()
  await server.stop()
})

/** The first lookups of names fail; later ones resolve to this machine. */
async function withoutNames<T>(questions: number, code: string, work: () => Promise<T>): Promise<T> {
  const { lookup } = dns
  let asked = 0
  const answer = (hostname: string, options: { all?: boolean }, done: (...found: unknown[]) => void): void => {
    const found = options.all ? [[{ address: '127.0.0.1', family: 4 }]] : ['127.0.0.1', 4]
    const error = asked++ < questions ? Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), { code }) : null
    setImmediate(() => done(error, ...found))
  }
  dns.lookup = answer as typeof lookup
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    dns.lookup = lookup
    syncBuiltinESMExports()
  }
}

test('object store addresses: a store whose name does not resolve for a while is resolved again', async () => {
  const server = new S3Server()
  await server.start()
  const store = await openStore(s3At(server, { endpoint: server.endpointAt('objects.example') }), { environment: {} })
  const put = await withoutNames(3, 'EAI_AGAIN', () => store.put('a', [Buffer.from('found')]))
  expect(put).toBeUndefined()
  expect([...server.buckets.get('bucket')!.objects.keys()]).toEqual(['a'])
  await store.close()
  await server.stop()
})

test('object store addresses: a store whose name never resolves receives nothing, and the fault contains the reason', async () => {
  const server = new S3Server()
  await server.start()
  const endpoint = server.endpointAt('objects.example')
  const store = await openStore(s3At(server, { endpoint, attemptTimeoutMs: 500, timeoutMs: 1000 }), { environment: {} })
  const put = await withoutNames(Number.POSITIVE_INFINITY, 'ENOTFOUND', () => store.put('a', [Buffer.from('lost')]))
  expect(put).toMatchObject({ fault: 'unavailable', mayBeDone: false, detail: expect.stringContaining('ENOTFOUND') })
  await store.close()
  await server.stop()
})
