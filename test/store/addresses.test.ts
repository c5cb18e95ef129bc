import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '../../native-free-io/store/open-store.ts'
import { certificatePath, domain, S3Server } from '../s3/server.ts'
import { root } from '../support/root.ts'
import { contract } from './contract.ts'
import { s3At } from './s3-location.ts'

const limitMs = 120_000
const secretKey = 'testing/+=secret'

/** The contract in a process of its own, as an operator would try a bucket: which certificates are trusted is settled when it starts. */
function tried(uri: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn(process.execPath, [join(root, 'src', 'cli', 'run.mjs'), 'test/interop/stores.ts', uri], {
    cwd: root,
    env: { ...process.env, MILLRACE_S3_ACCESS_KEY: 'tester', MILLRACE_S3_SECRET_KEY: secretKey, ...env },
  })
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  return new Promise((resolve) => child.once('exit', () => resolve(said)))
}

test.each([
  ['over TLS', true, true],
  ['over TLS with the bucket in the name of the host', true, false],
  ['with the bucket in the name of the host', false, false],
])(
  'a store %s keeps the contract',
  async (_, isTls, pathStyle) => {
    const server = new S3Server({ isTls })
    await server.start()
    try {
      const uri = `s3://bucket?endpoint=${server.endpointAt(domain)}&pathStyle=${pathStyle}&partSize=5MiB`
      const said = await tried(uri, isTls ? { NODE_EXTRA_CA_CERTS: certificatePath } : {})
      expect(said).toContain(`${Object.keys(contract).length} passed, 0 failed`)
    } finally {
      await server.stop()
    }
  },
  limitMs,
)

test('a store whose certificate nobody vouches for is sent nothing, and the fault says why', async () => {
  const server = new S3Server({ isTls: true })
  await server.start()
  const store = await openStore(s3At(server, { attemptTimeoutMs: 500, timeoutMs: 1000 }), { environment: {} })
  expect(await store.put('a', [Buffer.from('secret')])).toMatchObject({
    fault: 'unavailable',
    mayBeDone: false,
    detail: expect.stringMatching(/self-signed certificate/i),
  })
  expect(server.count('put')).toBe(0)
  await store.close()
  await server.stop()
})
