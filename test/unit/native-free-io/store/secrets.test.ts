import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { openStore } from '../../../../native-free-io/store/open-store.ts'
import { storeName, storeUri } from '../../../../src/config/store-uri.ts'
import { faultText, isFault } from '../../../../src/object-store/store-faults.ts'
import type { S3Location } from '../../../../src/ports/object-store.ts'
import { root } from '../../../support/root.ts'
import { S3Server } from '../../../support/s3/server.ts'

const secretKey = 'very/Secret+Key=1%&,'
const accessKey = 'ACCESSKEYofTEST'
const sessionToken = 'TOKEN-of-a-session'
const hidden = [secretKey, encodeURIComponent(secretKey), accessKey, sessionToken]

/** Everything that this process writes meanwhile. */
async function written<T>(work: () => Promise<T>): Promise<[T, string]> {
  let text = ''
  const partitions = [process.stdout, process.stderr] as const
  const writes = partitions.map((partition) => partition.write)
  const listen = (warning: Error): void => void (text += inspect(warning))
  process.on('warning', listen)
  for (const partition of partitions) partition.write = ((chunk: unknown) => (text += String(chunk)) !== '') as typeof partition.write
  try {
    return [await work(), text]
  } finally {
    partitions.forEach((partition, i) => void (partition.write = writes[i]!))
    process.off('warning', listen)
  }
}

test('secrets: a URI with an encoded secret opens the bucket', async () => {
  const server = new S3Server()
  await server.start()
  server.accounts.set(accessKey, { secretKey })
  const uri = `s3://bucket?endpoint=${server.endpoint}&accessKey=${accessKey}&secretKey=${encodeURIComponent(secretKey)}`
  const store = await openStore(storeUri.read(uri) as S3Location, { environment: {} })
  expect(await store.put('a', [Buffer.from('x')])).toBeUndefined()
  await store.close()
  await server.stop()
})

test('secrets: credentials of the environment open it, too', async () => {
  const server = new S3Server()
  await server.start()
  server.accounts.set(accessKey, { secretKey, sessionToken })
  const location = storeUri.read(`s3://bucket?endpoint=${server.endpoint}`) as S3Location
  const aws = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey, AWS_SESSION_TOKEN: sessionToken }
  const own = { MILLRACE_S3_ACCESS_KEY: accessKey, MILLRACE_S3_SECRET_KEY: secretKey, MILLRACE_S3_SESSION_TOKEN: sessionToken }
  for (const environment of [aws, own]) {
    const store = await openStore(location, { environment })
    expect(await store.put('a', [Buffer.from('x')])).toBeUndefined()
    await store.close()
  }
  await server.stop()
})

test('secrets: no error contains a secret of the bucket', async () => {
  const server = new S3Server()
  await server.start()
  const location: S3Location = {
    ...(storeUri.read(`s3://bucket?endpoint=${server.endpoint}&apiCallTimeoutMs=300&apiCallAttemptTimeoutMs=200`) as S3Location),
    credentials: { type: 'static', accessKey, secretKey, sessionToken },
  }
  const store = await openStore(location, { environment: {} })
  const call = () => Promise.all([store.put('a', [Buffer.from('x')]), store.get('a', 0, 1), store.list(''), store.upload('b').complete()])
  const [answers, text] = await written(async () => {
    const unknown = await call()
    server.accounts.set(accessKey, { secretKey: 'another' })
    const token = await call()
    server.accounts.set(accessKey, { secretKey: 'another', sessionToken })
    const signature = await call()
    // Some stores say it themselves.
    server.faults.set({
      operation: '*',
      fault: { type: 'error', status: 403, code: `InvalidAccessKeyId${accessKey}${secretKey}`, when: 'before' },
    })
    const output = await call()
    await server.stop()
    return [...unknown, ...token, ...signature, ...output, ...(await call())]
  })
  for (const answer of answers) {
    if (!isFault(answer)) throw new Error(`a fault, not ${inspect(answer)}`)
    for (const secret of hidden) expect(inspect(answer, { depth: 10 }) + JSON.stringify(answer) + faultText(answer)).not.toContain(secret)
  }
  for (const secret of hidden) expect(text + storeName(location) + inspect(store, { depth: 0 })).not.toContain(secret)
  await store.close()
})

test.runIf(existsSync('/proc/self/cmdline'))('secrets: the list of processes does not contain it', async () => {
  const module = JSON.stringify(join(root, 'src', 'cli', 'hide-arguments.mjs'))
  const script = `import(${module}).then(({ hideArguments }) => { hideArguments(); process.stdout.write('hidden'); process.stdin.resume() })`
  const override = `s3.data.buckets=0@s3://bucket?accessKey=${accessKey}&region=r&secretKey=${encodeURIComponent(secretKey)}`
  const child = spawn(process.execPath, ['-e', script, '--', 'server', 'start', '--override', override])
  await once(child.stdout, 'data')
  const shown = await readFile(`/proc/${child.pid}/cmdline`, 'latin1')
  child.stdin.end()
  await once(child, 'exit')
  for (const secret of hidden) expect(shown).not.toContain(secret)
  expect(shown).toContain('s3.data.buckets=0@s3://bucket?accessKey=***&region=r&secretKey=***')
})
