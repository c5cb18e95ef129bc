import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './root.ts'

/** Apache Kafka as jars: the other broker of every comparison, and the reference for every expectation. */
export const kafkaVersion = '4.3.1'

/** Filled by `bench/kafka/fetch.ts`; KAFKA_LIBS sets a different folder. */
export const kafkaLibsDefault = join(root, '.millrace', 'kafka', 'libs')

/** Reason why Kafka is not available here, or null. */
export function kafkaMissing(): string | null {
  if (spawnSync('java', ['-version']).status !== 0) return 'no Java on the path'
  if (!holdsKafka(kafkaLibs())) return `no Kafka jars in ${kafkaLibs()} (node src/cli/run.mjs bench/kafka/fetch.ts, or set KAFKA_LIBS)`
  return null
}

export const kafkaLibs = (): string => process.env['KAFKA_LIBS'] ?? kafkaLibsDefault

/** The broker, its tools, Connect and Streams: one representative jar of each. */
const jars = ['kafka-clients', 'kafka-tools', 'connect-file', 'kafka-streams'].map((name) => `${name}-${kafkaVersion}.jar`)

export const holdsKafka = (folder: string): boolean => existsSync(folder) && jars.every((jar) => readdirSync(folder).includes(jar))

/** The arguments of `java` that run one main class of Kafka. Without a log4j configuration only errors are printed. */
export const javaArguments = (mainClass: string, heap = '-Xmx512m', log4j = 'ERROR'): string[] => [
  ...heap.split(' '),
  `-Dlog4j2.level=${log4j}`,
  '-XX:+UseG1GC',
  '-cp',
  `${kafkaLibs()}/*`,
  mainClass,
]

export interface KafkaPorts {
  readonly client: number
  readonly controller: number
}

/** One newly formatted node, broker and controller. Returns the path of its properties. */
export function formatKafka(folder: string, ports: KafkaPorts, overrides: Readonly<Record<string, string>>): string {
  const listeners = `PLAINTEXT://127.0.0.1:${ports.client},CONTROLLER://127.0.0.1:${ports.controller}`
  const settings: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners,
    'advertised.listeners': listeners,
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    ...overrides,
  }
  const path = join(folder, 'kafka.properties')
  writeFileSync(
    path,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )
  const format = ['format', '--ignore-formatted', '--standalone', '--cluster-id', 'TWlsbHJhY2VLYWZrYQAAAQ', '--config', path]
  const done = spawnSync('java', [...javaArguments('kafka.tools.StorageTool'), ...format], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`Kafka's storage could not be formatted: ${done.stdout}${done.stderr}`)
  return path
}
