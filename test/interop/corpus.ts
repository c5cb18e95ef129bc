import { createHash } from 'node:crypto'

export interface Sample {
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [key: string, value: string])[]
}

const mib = 1 << 20

/** Records that any client can write, a line-oriented console too. Equal header names stand together, as some clients group them. */
export const textSamples: readonly Sample[] = [
  { key: 'k1', value: Buffer.from('plain'), headers: [] },
  { key: null, value: Buffer.from('without a key'), headers: [] },
  { key: 'k2', value: null, headers: [] },
  { key: 'k3', value: Buffer.alloc(0), headers: [] },
  {
    key: 'k4',
    value: Buffer.from('with headers'),
    headers: [
      ['a', '1'],
      ['a', 'again'],
      ['b', 'two'],
    ],
  },
  { key: 'clé', value: Buffer.from('naïve – ✓ 日本'), headers: [['ä', 'ö']] },
  { key: 'even', value: Buffer.alloc(200_000, 'a'), headers: [] },
  { key: 'large', value: letters(mib), headers: [] },
  ...Array.from({ length: 200 }, (_, index) => ({
    key: `key ${index}`,
    value: Buffer.from(`value ${index} `.repeat(1 + (index % 7))),
    headers: [],
  })),
]

/** Records for clients that take bytes. */
export const binarySamples: readonly Sample[] = [
  { key: 'every byte', value: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), headers: [] },
  { key: 'large', value: noise(mib), headers: [['kind', 'noise']] },
  { key: 'noughts', value: Buffer.alloc(70_000), headers: [] },
]

function letters(count: number): Buffer {
  return Buffer.from(noise(count).map((byte) => 97 + (byte % 26)))
}

function noise(count: number): Buffer {
  let word = 7
  return Buffer.from(
    Uint8Array.from({ length: count }, () => {
      word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0
      return word >>> 24
    }),
  )
}

/** A record as a line, long values as their digest: what a failing comparison prints. */
export function shown(sample: Sample): string {
  const headers = sample.headers.map(([key, value]) => `${key}=${value}`).join(',')
  return `${sample.key ?? 'null'} [${headers}] ${sample.value === null ? 'null' : digest(sample.value)}`
}

const digest = (value: Buffer): string =>
  value.length < 100
    ? JSON.stringify(value.toString('latin1'))
    : `${value.length} bytes ${createHash('sha256').update(value).digest('hex').slice(0, 16)}`
