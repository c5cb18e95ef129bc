import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codecs, type ReadingClient, run, type WritingClient } from './client.ts'
import type { Sample } from './corpus.ts'

/** kcat, which is librdkafka with a command line. It writes a file as one record, and an empty record only from a line. */
export const kcatMissing = (): string | null => (spawnSync('kcat', ['-V']).status === 0 ? null : 'no kcat on the path')

const keySeparator = '\u0001'
const largest = ['-X', 'message.max.bytes=3000000']

export const kcatWriter: WritingClient = {
  name: 'kcat',
  missing: kcatMissing,
  takesBytes: true,
  codecs,
  write: async (address, topic, codec, samples) => {
    const folder = mkdtempSync(join(tmpdir(), 'kcat-'))
    const base = ['-b', address, '-P', '-t', topic, '-p', '0', '-z', codec, '-X', 'acks=all', ...largest]
    try {
      for (const group of sameShape(samples)) {
        const [first] = group
        const options = [...base, ...first!.headers.flatMap(([key, value]) => ['-H', `${key}=${value}`])]
        if (isLine(first!)) {
          const nulls = first!.value === null ? ['-Z'] : []
          await run(
            'kcat',
            [...options, ...nulls, '-K', keySeparator],
            group.map((each) => `${each.key}${keySeparator}${each.value ?? ''}\n`).join(''),
          )
        } else {
          const file = join(folder, 'value')
          writeFileSync(file, first!.value!)
          await run('kcat', [...options, ...(first!.key === null ? [] : ['-k', first!.key]), file])
        }
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}

/** Short ones with a key go as lines, many to a batch; all others go alone. */
const isLine = (sample: Sample): boolean =>
  sample.key !== null && (sample.value === null || (sample.value.length < 100 && !sample.value.includes(10)))

function sameShape(samples: readonly Sample[]): Sample[][] {
  const shape = (each: Sample): string => JSON.stringify([isLine(each), each.value === null, each.headers])
  const groups: Sample[][] = []
  for (const sample of samples) {
    const last = groups.at(-1)
    if (last && isLine(sample) && shape(last[0]!) === shape(sample)) last.push(sample)
    else groups.push([sample])
  }
  return groups
}

export const kcatReader: ReadingClient = {
  name: 'kcat',
  missing: kcatMissing,
  takesBytes: true,
  codecs,
  read: async (address, topic) => {
    const format = '%K %S %h\\n%k%s\\n'
    const options = ['-X', 'fetch.message.max.bytes=3000000', '-X', 'check.crcs=true']
    return parse(await run('kcat', ['-b', address, '-C', '-t', topic, '-p', '0', '-o', 'beginning', '-e', '-q', '-f', format, ...options]))
  },
}

function parse(printed: Buffer): Sample[] {
  const samples: Sample[] = []
  for (let at = 0; at < printed.length; ) {
    const lineEnd = printed.indexOf(10, at)
    const [, keyLength, valueLength, headers] = /^(-?\d+) (-?\d+) (.*)$/.exec(printed.subarray(at, lineEnd).toString()) ?? []
    const keyEnd = lineEnd + 1 + Math.max(0, Number(keyLength))
    const valueEnd = keyEnd + Math.max(0, Number(valueLength))
    samples.push({
      key: Number(keyLength) < 0 ? null : printed.subarray(lineEnd + 1, keyEnd).toString(),
      value: Number(valueLength) < 0 ? null : printed.subarray(keyEnd, valueEnd),
      headers: headers === '' ? [] : headers!.split(',').map((each) => each.split('=') as [string, string]),
    })
    at = valueEnd + 1
  }
  return samples
}
