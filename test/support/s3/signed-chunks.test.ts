import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { S3Server } from './server.ts'

/** The example of AWS's documentation (Signature Version 4, transferring a payload in chunks): a body of 65 KiB in two chunks. */
const account = ['AKIAIOSFODNN7EXAMPLE', { secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }] as const
const body = Buffer.alloc(66_560, 'a')
const cuts = [0, 65_536, 66_560, 66_560]

interface Example {
  readonly declared: string
  readonly headers: Readonly<Record<string, string>>
  readonly seed: string
  readonly chunks: readonly string[]
  readonly trailers: string
}
const plain: Example = {
  declared: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  headers: { 'content-length': '66824' },
  seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  chunks: [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
  ],
  trailers: '',
}
/** The same with a checksum after the last chunk, which is also signed. */
const trailing: Example = {
  declared: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  headers: { 'x-amz-trailer': 'x-amz-checksum-crc32c' },
  seed: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  chunks: [
    'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
    '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
    '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
  ],
  trailers:
    'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n',
}

let server: S3Server

beforeEach(async () => {
  server = new S3Server({ buckets: ['examplebucket'] })
  server.accounts.set(...account)
  await server.start()
  server.skewMs = Date.UTC(2013, 4, 24) - Date.now()
})
afterEach(() => server.stop())

const framed = ({ chunks, trailers }: Example): Buffer =>
  Buffer.concat([
    ...chunks.flatMap((signature, index) => {
      const bytes = body.subarray(cuts[index]!, cuts[index + 1])
      const head = `${bytes.length.toString(16)};chunk-signature=${signature}\r\n`
      return [Buffer.from(head), bytes, Buffer.from(bytes.length === 0 ? '' : '\r\n')]
    }),
    Buffer.from(`${trailers}\r\n`),
  ])

/** Status and message of the server. */
async function put({ declared, headers, seed }: Example, bytes: Buffer): Promise<readonly [number, string]> {
  const signed: Record<string, string> = {
    ...headers,
    'content-encoding': 'aws-chunked',
    host: 's3.amazonaws.com',
    'x-amz-content-sha256': declared,
    'x-amz-date': '20130524T000000Z',
    'x-amz-decoded-content-length': String(body.length),
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
  }
  const scope = `${account[0]}/20130524/us-east-1/s3/aws4_request`
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${Object.keys(signed).sort().join(';')}, Signature=${seed}`
  const path = '/examplebucket/chunkObject.txt'
  const outgoing = request({ host: '127.0.0.1', port: server.port, method: 'PUT', path, headers: { ...signed, authorization } })
  outgoing.end(bytes)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer) text += chunk
  return [answer.statusCode!, text]
}
const stored = (): number | undefined => server.buckets.get('examplebucket')!.objects.get('chunkObject.txt')?.bytes

test.each([
  ['chunks', plain],
  ['chunks and trailers', trailing],
])('signed chunks: a body in %s that are signed is taken as the documentation has it', async (_, example) => {
  expect(await put(example, framed(example))).toEqual([200, ''])
  expect(stored()).toBe(body.length)
})

const hurt = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 1
  return copy
}

test.each([
  ['a byte of the first chunk', 1000],
  ['a byte of the last chunk', 66_000],
])('signed chunks: %s that is not what was signed is rejected, and nothing is stored', async (_, at) => {
  const [status, text] = await put(plain, hurt(framed(plain), at))
  expect([status, /<Code>(\w+)</.exec(text)![1]]).toEqual([403, 'SignatureDoesNotMatch'])
  expect(stored()).toBeUndefined()
})

test('chunks that change places are rejected: each signature covers the one before it', async () => {
  const [status] = await put(plain, framed({ ...plain, chunks: [plain.chunks[1]!, plain.chunks[0]!, plain.chunks[2]!] }))
  expect(status).toBe(403)
})

test('signed chunks: a trailer that is not what was signed is rejected, although it may be right', async () => {
  const forged = { ...trailing, trailers: trailing.trailers.replace('d81f', 'd81e') }
  expect((await put(trailing, framed(forged)))[0]).toBe(403)
  const wrong = { ...trailing, trailers: trailing.trailers.replace('sOO8', 'sOO9') }
  expect((await put(trailing, framed(wrong)))[0]).toBe(403)
  expect(stored()).toBeUndefined()
})

test('signed chunks: a body that ends before its last chunk is rejected', async () => {
  const cut = Buffer.concat([framed(trailing).subarray(0, 66_000)])
  const [status, text] = await put(trailing, cut)
  expect([status, /<Code>(\w+)</.exec(text)![1]]).toEqual([400, 'IncompleteBody'])
  expect(stored()).toBeUndefined()
})
