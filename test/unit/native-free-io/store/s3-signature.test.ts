import { expect, test } from 'vitest'
import { amzDate, encodedPart, S3Signature } from '../../../../native-free-io/store/s3-signature.ts'

/** The examples of the documentation of S3, "Authenticating Requests: Using the Authorization Header". */
const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
const host = 'examplebucket.s3.amazonaws.com'
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const date = '20130524T000000Z'
const examples = [
  {
    request: {
      method: 'GET',
      path: '/test.txt',
      headers: { host, range: 'bytes=0-9', 'x-amz-content-sha256': emptyHash, 'x-amz-date': date },
    },
    names: 'host;range;x-amz-content-sha256;x-amz-date',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    request: {
      method: 'PUT',
      path: '/test%24file.text',
      headers: {
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        host,
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-date': date,
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      },
    },
    names: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
]

test('S3 signature: requests have the signatures of the examples in the documentation of S3', () => {
  const signature = new S3Signature('us-east-1')
  for (const { request, names, signature: expected } of examples) {
    expect(signature.of(request, credentials)).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${names}, Signature=${expected}`,
    )
  }
})

test('S3 signature: another secret key, day or region changes the signature, and the first one returns with its own', () => {
  const signature = new S3Signature('us-east-1')
  const { request } = examples[0]!
  const first = signature.of(request, credentials)
  const nextDay = { ...request, headers: { ...request.headers, 'x-amz-date': '20130525T000000Z' } }
  const all = [
    first,
    signature.of(request, { ...credentials, secretAccessKey: 'another' }),
    signature.of(nextDay, credentials),
    new S3Signature('eu-central-1').of(request, credentials),
  ]
  expect(new Set(all).size).toBe(all.length)
  expect(signature.of(request, credentials)).toBe(first)
})

test('S3 signature: a time has no separators and no milliseconds', () => {
  expect(amzDate(Date.UTC(2026, 10, 29, 8, 7, 6, 999))).toBe('20261129T080706Z')
})

test('S3 signature: only unreserved characters of a key remain', () => {
  expect(encodedPart("aZ09-_.~ !'()*+ä")).toBe('aZ09-_.~%20%21%27%28%29%2A%2B%C3%A4')
})
