import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { javaArguments } from '../test/support/kafka.ts'
import { root } from '../test/support/root.ts'

export interface JavaProduced {
  readonly mibPerSecond: number
  readonly recordsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

export interface JavaConsumed {
  readonly mibPerSecond: number
}

export async function producerPerformance(address: string, topic: string, records: number, recordBytes: number): Promise<JavaProduced> {
  const load = ['--topic', topic, '--num-records', String(records), '--record-size', String(recordBytes), '--throughput', '-1']
  const text = await java(javaArguments('org.apache.kafka.tools.ProducerPerformance'), [
    ...load,
    '--bootstrap-server',
    address,
    '--command-property',
    'acks=all',
  ])
  const last = text.split('\n').findLast((line) => line.includes('99.9th')) ?? ''
  const shape = /([\d.]+) records\/sec \(([\d.]+) MB\/sec\).*?(\d+) ms 50th.*?(\d+) ms 99th, (\d+) ms 99\.9th/
  const [, recordsPerSecond, mibPerSecond, p50Ms, p99Ms, p999Ms] = (shape.exec(last) ?? fail('ProducerPerformance', text)).map(
    Number,
  ) as number[]
  return { mibPerSecond: mibPerSecond!, recordsPerSecond: recordsPerSecond!, p50Ms: p50Ms!, p99Ms: p99Ms!, p999Ms: p999Ms! }
}

/** Its own columns: the relevant rate is that of fetches, without the time to join a group. */
export async function consumerPerformance(address: string, topic: string, records: number): Promise<JavaConsumed> {
  const load = ['--topic', topic, '--num-records', String(records), '--timeout', '20000', '--bootstrap-server', address]
  const text = await java(javaArguments('org.apache.kafka.tools.ConsumerPerformance'), load)
  const lines = text.trim().split('\n')
  const names = lines.findLast((line) => line.startsWith('start.time'))?.split(', ') ?? fail('ConsumerPerformance', text)
  const values = lines.at(-1)!.split(', ')
  const column = (name: string): number => Number(values[names.indexOf(name)])
  return { mibPerSecond: column('fetch.MB.sec') }
}

/** The same client without a group: a small program that Java compiles as it starts. */
export async function assignedConsumer(address: string, topic: string, records: number): Promise<JavaConsumed> {
  const source = join(root, 'bench', 'kafka', 'AssignedConsumer.java')
  const text = await java(javaArguments(source), [address, topic, String(records)])
  const [, bytes, seconds] = (/^(\d+) bytes \d+ records ([\d.]+) seconds$/m.exec(text) ?? fail('AssignedConsumer', text)).map(Number)
  return { mibPerSecond: bytes! / 2 ** 20 / seconds! }
}

function fail(program: string, text: string): never {
  throw new Error(`${program} printed no result: ${text.slice(-400)}`)
}

const limitMs = 120_000

function java(options: readonly string[], args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('java', [...options, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    const late = setTimeout(() => child.kill('SIGKILL'), limitMs)
    let text = ''
    for (const output of [child.stdout, child.stderr]) output.on('data', (part) => (text += String(part)))
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(late)
      if (code === 0) resolve(text)
      else reject(new Error(`java ended with ${code}: ${text.slice(-400)}`))
    })
  })
}
