/** `npm run bench`: this machine's limits, Millrace, and Apache Kafka beside it in alternating runs. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { kafkaMissing, kafkaVersion } from '../test/support/kafka.ts'
import { root } from '../test/support/root.ts'
import { chart } from './chart.ts'
import { checkedLimits, type Result, ratios } from './figures.ts'
import { micros } from './micro.ts'
import type { MicroRow } from './micro-row.ts'
import { Brokers, benchDataFolder, buildPeer, kafkaPeers, millrace, type Peer } from './peers.ts'
import { Progress } from './progress.ts'
import { runRounds, stepCount } from './rounds.ts'
import { chosen, isVoluminous, scenarios } from './scenarios.ts'
import { limitTable, microTable, ratioTable, resultTable, windowTable } from './table.ts'

interface Options {
  readonly scenario: string[]
  readonly rounds: number
  readonly mib: number
  readonly seconds: number | undefined
  readonly backlog: number
  readonly peer: string[] | undefined
  readonly quick: boolean
  readonly micro: boolean
  readonly millrace: boolean
  readonly build: string | undefined
  readonly data: string
  readonly override: Record<string, string>
  readonly out: string
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('must be a number above 0')
  return value
}

const list = (text: string): string[] => text.split(',').filter((each) => each !== '' && each !== 'none')

const command = new Command('bench')
  .description('Measures Millrace, and Apache Kafka beside it where Java and its jars are found.')
  .option(
    '--scenario <names>',
    `only these, by name or group: ${[...new Set([...scenarios.map((each) => each.group), ...micros.map((each) => each.name)])].join(', ')}`,
    list,
    [],
  )
  .option('--rounds <count>', 'alternating rounds', positive, 3)
  .option('--mib <count>', 'MiB a run at most', positive, 512)
  .option('--seconds <count>', 'seconds a run at most (default: 5; 120 for sustained, 60 for offered)', positive)
  .option('--backlog <gib>', 'size of what catch-up readers read; at most 4 for offered', positive, 10)
  .option('--peer <names>', 'kafka, kafka-flushed, none', list)
  .option('--quick', 'one short round, to see that everything works', false)
  .option('--no-micro', 'leave out what needs no broker')
  .option('--no-millrace', 'only the peers')
  .option('--build <folder>', 'another checkout of Millrace, built: a peer named "before"')
  .option('--data <folder>', 'parent of the folders of brokers; in memory it leaves out the disk', benchDataFolder)
  .option('--override <key=value>', 'a setting of Millrace, may be repeated', setting, {})
  .option('--out <folder>', 'where tables, JSON and chart go', join(root, '.millrace', 'bench', stamp()))

function setting(text: string, before: Record<string, string>): Record<string, string> {
  const [key = '', ...value] = text.split('=')
  if (key === '' || value.length === 0) throw new InvalidArgumentError('must be key=value')
  return { ...before, [key]: value.join('=') }
}

function stamp(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '-')
}

function peersOf(options: Options): Peer[] {
  const names = options.peer ?? kafkaPeers.map((peer) => peer.name)
  const unknown = names.filter((name) => !kafkaPeers.some((peer) => peer.name === name))
  if (unknown.length > 0)
    throw new Error(`no peer ${unknown.join(', ')}; there are ${kafkaPeers.map((peer) => peer.name).join(', ')}, none`)
  const missing = names.length > 0 ? kafkaMissing() : null
  if (missing) console.error(`without Apache Kafka ${kafkaVersion}: ${missing}`)
  const others = missing ? [] : kafkaPeers.filter((peer) => names.includes(peer.name))
  return [...(options.millrace ? [millrace] : []), ...(options.build ? [buildPeer(resolve(options.build))] : []), ...others]
}

async function main(): Promise<void> {
  const options = command.parse().opts<Options>()
  const peers = peersOf(options)
  const namedMicros = micros.filter(({ name }) => options.scenario.includes(name))
  const named = options.scenario.filter((name) => !namedMicros.some((each) => each.name === name))
  const plan = namedMicros.length > 0 && named.length === 0 ? [] : plannedScenarios(named)
  const rounds = options.quick ? 1 : options.rounds
  const sizes = options.quick
    ? { mib: 48, secondsMax: 1, sustainedSeconds: 4, offeredSeconds: 4, backlogMib: 256, warmMib: 96 }
    : {
        mib: options.mib,
        secondsMax: options.seconds ?? 5,
        sustainedSeconds: options.seconds ?? 120,
        offeredSeconds: options.seconds ?? 60,
        backlogMib: options.backlog * 1024,
        warmMib: 2048,
      }
  const micro = namedMicros.length > 0 ? namedMicros : options.micro ? micros : []
  const progress = new Progress(micro.length + stepCount(plan, peers, rounds))
  const brokers = new Brokers({
    dataFolder: options.data,
    settings: options.override,
    isBounded: plan.some(isVoluminous),
  })
  process.once('SIGINT', () => brokers.remove().finally(() => process.exit(130)))
  const microRows: MicroRow[] = []
  try {
    for (const each of micro) {
      progress.start(each.name)
      microRows.push(...(await each.run()))
    }
    const results = await runRounds(plan, peers, brokers, { rounds, ...sizes }, progress)
    progress.end()
    report(options, microRows, results)
  } finally {
    await brokers.remove()
    rmSync(benchDataFolder, { recursive: true, force: true })
  }
}

/** Java's own clients are left out where there is no Java. */
function plannedScenarios(names: readonly string[]): ReturnType<typeof chosen> {
  const missing = kafkaMissing()
  const all = chosen(names)
  const plan = missing ? all.filter((each) => !each.kind.startsWith('java')) : all
  for (const each of all) if (!plan.includes(each)) console.error(`without ${each.name}: ${missing}`)
  return plan
}

function report(options: Options, microRows: readonly MicroRow[], results: readonly Result[]): void {
  const compared = ratios(results)
  const checked = checkedLimits(results)
  const about = new Map(results.map(({ scenario }) => [scenario.name, scenario.about]))
  const text = [
    ...(microRows.length > 0 ? [microTable(microRows)] : []),
    ...(results.length > 0 ? [[...about].map(([name, what]) => `${name}: ${what}`).join('\n'), resultTable(results)] : []),
    ...(results.some(({ scenario }) => scenario.kind === 'sustained') ? [windowTable(results)] : []),
    ...(checked.length > 0 ? [limitTable(checked)] : []),
    ...(compared.length > 0 ? [ratioTable(compared)] : []),
  ].join('\n\n')
  console.log(text)
  mkdirSync(options.out, { recursive: true })
  writeFileSync(join(options.out, 'table.txt'), `${text}\n`)
  writeFileSync(
    join(options.out, 'results.json'),
    JSON.stringify({ machine: machine(), options, micro: microRows, results, ratios: compared }, null, 2),
  )
  writeFileSync(join(options.out, 'chart.svg'), chart(results, `${machine().cpu}, ${machine().cores} cores, Node ${process.version}`))
  console.log(`\n${options.out}/{table.txt,results.json,chart.svg}`)
}

function machine(): Readonly<Record<string, string | number>> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: commit(),
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}

await main()
