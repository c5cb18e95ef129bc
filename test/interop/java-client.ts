import { javaArguments, kafkaMissing } from '../support/kafka.ts'
import { codecs, type ReadingClient, run, type WritingClient } from './client.ts'
import type { Sample } from './corpus.ts'

/** Kafka's own console tools, which speak lines. */
export const javaTool = (name: string, args: readonly string[], input?: string): Promise<Buffer> =>
  run('java', [...javaArguments(`org.apache.kafka.tools.${name}`), ...args], input)

const nothing = 'NULL'
const property = (option: string, values: readonly string[]): string[] => values.flatMap((value) => [option, value])

export const consoleProducer: WritingClient = {
  name: 'ConsoleProducer',
  missing: kafkaMissing,
  takesBytes: false,
  codecs,
  write: async (address, topic, codec, samples) => {
    const reader = property('--reader-property', ['parse.key=true', 'parse.headers=true', `null.marker=${nothing}`])
    const client = property('--command-property', ['acks=all', 'max.request.size=3000000'])
    await javaTool(
      'ConsoleProducer',
      ['--bootstrap-server', address, '--topic', topic, '--compression-codec', codec, ...reader, ...client],
      samples.map(line).join(''),
    )
  },
}

function line(sample: Sample): string {
  const headers = sample.headers.map(([key, value]) => `${key}:${value}`).join(',')
  return `${headers || nothing}\t${sample.key ?? nothing}\t${sample.value?.toString() ?? nothing}\n`
}

export const consoleConsumer: ReadingClient = {
  name: 'ConsoleConsumer',
  missing: kafkaMissing,
  takesBytes: false,
  codecs,
  read: async (address, topic, count) => {
    const formatter = property('--formatter-property', ['print.headers=true', 'print.key=true', `null.literal=${nothing}`])
    const place = ['--partition', '0', '--offset', 'earliest', '--max-messages', String(count), '--timeout-ms', '20000']
    const client = property('--command-property', ['enable.auto.commit=false'])
    const printed = await javaTool('consumer.ConsoleConsumer', [
      '--bootstrap-server',
      address,
      '--topic',
      topic,
      ...place,
      ...formatter,
      ...client,
    ])
    return printed
      .toString()
      .split('\n')
      .filter((each) => each !== '')
      .map(parse)
  },
}

function parse(printed: string): Sample {
  const [headers, key, value] = printed.split('\t')
  return {
    key: key === nothing ? null : key!,
    value: value === nothing ? null : Buffer.from(value!),
    headers: headers === 'NO_HEADERS' ? [] : headers!.split(',').map((each) => each.split(':') as [string, string]),
  }
}
