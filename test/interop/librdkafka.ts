/** Runs librdkafka's own tests against a broker: the ones in librdkafka-allow.txt must pass, others when they are named. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Command, Option } from 'commander'
import { type Broker, startBroker } from '../support/broker.ts'
import { javaArguments, kafkaVersion } from '../support/kafka.ts'
import { root } from '../support/root.ts'

const home = process.env['LIBRDKAFKA_HOME'] ?? join(root, '.millrace', 'librdkafka')
const suite = join(home, 'package', 'deps', 'librdkafka')
const runner = join(suite, 'tests', 'test-runner')
/** What must pass, for each protocol of groups. */
const allowLists = { classic: 'librdkafka-allow.txt', consumer: 'librdkafka-consumer-allow.txt' } as const
type GroupProtocol = keyof typeof allowLists

/** What the suite takes for granted. */
const settings = { 'num.partitions': '4', 'group.initial.rebalance.delay.ms': '3000' }

interface Options {
  readonly jobs: string
  readonly limit: string
  readonly protocol: GroupProtocol
}

interface Outcome {
  readonly number: string
  readonly state: 'PASS' | 'FAIL' | 'SKIP'
  readonly seconds: number
  readonly reason: string
}

/** Some tests call Kafka's scripts, of which the jars have none, and some open files beside their own folder. */
function prepareFolder(broker: Broker): string {
  const folder = mkdtempSync(join(tmpdir(), 'librdkafka-'))
  mkdirSync(join(folder, 'tests'))
  mkdirSync(join(folder, 'kafka', 'bin'), { recursive: true })
  symlinkSync(join(suite, 'src'), join(folder, 'src'))
  for (const name of ['interceptor_test', 'plugin_test', 'fixtures', 'java'])
    symlinkSync(join(suite, 'tests', name), join(folder, 'tests', name))
  writeFileSync(join(folder, 'test.conf'), `bootstrap.servers=${broker.address}\ntest.timeout.multiplier=2\n`)
  const scripts = { 'kafka-topics.sh': 'org.apache.kafka.tools.TopicCommand', 'kafka-acls.sh': 'org.apache.kafka.tools.AclCommand' }
  for (const [script, main] of Object.entries(scripts)) {
    const words = javaArguments(main).map((word) => `'${word}'`)
    writeFileSync(join(folder, 'kafka', 'bin', script), `#!/bin/bash\nexec java ${words.join(' ')} "$@"\n`, { mode: 0o755 })
  }
  return folder
}

function runNumber(number: string, folder: string, broker: Broker, { limit, protocol }: Options): Promise<Outcome> {
  const { CI: _, ...inherited } = process.env
  const env = {
    ...inherited,
    TESTS: number,
    RDKAFKA_TEST_CONF: join(folder, 'test.conf'),
    LD_LIBRARY_PATH: `${join(suite, 'src')}:${join(suite, 'src-cpp')}`,
    TEST_KAFKA_VERSION: kafkaVersion,
    TEST_CONSUMER_GROUP_PROTOCOL: protocol,
    KAFKA_PATH: join(folder, 'kafka'),
    BROKERS: broker.address,
  }
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn('stdbuf', ['-oL', runner, '-p1', '-L', '-s', 'default'], {
      cwd: join(folder, 'tests'),
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const late = setTimeout(() => child.kill('SIGKILL'), Number(limit) * 1000)
    let log = ''
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (log += String(text)))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(late)
      const seconds = (performance.now() - began) / 1000
      writeFileSync(join(home, `${number}.log`), log)
      resolve({ number, seconds, ...judged(log, signal ?? code) })
    })
  })
}

/** The summary has a row for each test of the number. A number that ran nothing has not passed. */
function judged(coloured: string, ended: number | string | null): Pick<Outcome, 'state' | 'reason'> {
  const log = stripVTControlCharacters(coloured)
  const states = [...log.matchAll(/^\| *\d{4}_\w+ *\| *([A-Z]+) *\|/gm)].map((row) => row[1])
  if (ended === 'SIGKILL') return { state: 'FAIL', reason: 'it took too long' }
  const failure = /^### Test "[^\n]*\n([^\n]*)/m.exec(log)?.[1] ?? `ended with ${ended}`
  if (ended !== 0 || states.includes('FAILED')) return { state: 'FAIL', reason: failure }
  if (!states.includes('PASSED'))
    return { state: 'SKIP', reason: states.length === 0 ? 'no test of this number requires a broker' : 'the suite left it out' }
  return { state: 'PASS', reason: '' }
}

/** What must pass, and how often each may be tried: twice, unless its line says that it leaves its outcome to chance. */
function allowed(protocol: GroupProtocol): Map<string, number> {
  const list = readFileSync(join(root, 'test', 'interop', allowLists[protocol]), 'utf8')
  return new Map(
    [...list.matchAll(/^(\d{4}) \w+(?:, (\d+) attempts)?/gm)].map(([, number = '', attempts = '2']) => [number, Number(attempts)]),
  )
}

async function main(): Promise<void> {
  const command = new Command('librdkafka')
    .argument('[numbers...]', 'tests to run instead of the ones that must pass')
    .option('--jobs <count>', 'tests at a time', '2')
    .option('--limit <seconds>', 'for one test', '300')
    .addOption(new Option('--protocol <name>', 'that groups speak').choices(['classic', 'consumer']).default('classic'))
    .parse()
  const options = command.opts<Options>()
  if (!existsSync(runner)) {
    console.log('librdkafka: skipped, its suite is not built here (test/interop/librdkafka-setup.sh)')
    return
  }
  const attempts = allowed(options.protocol)
  const waiting = command.args.length > 0 ? [...command.args] : [...attempts.keys()]
  const broker = await startBroker({ settings })
  const folder = prepareFolder(broker)
  const outcomes: Outcome[] = []
  const attempt = async (number: string): Promise<Outcome> => {
    const outcome = await runNumber(number, folder, broker, options)
    console.log(`${outcome.state} ${outcome.number} ${outcome.seconds.toFixed(1)} s${outcome.reason && `  ${outcome.reason}`}`)
    return outcome
  }
  const work = async (): Promise<void> => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) outcomes.push(await attempt(number))
  }
  try {
    await Promise.all(Array.from({ length: Number(options.jobs) }, work))
    // Several of these tests measure time; what failed beside others is judged by how it does alone.
    for (const [place, { number }] of [...outcomes.entries()].filter(([, { state }]) => state === 'FAIL'))
      for (let left = (attempts.get(number) ?? 2) - 1; left > 0 && outcomes[place]?.state === 'FAIL'; left--) {
        console.log(`${number} again, alone`)
        outcomes[place] = await attempt(number)
      }
  } finally {
    await broker.remove()
    rmSync(folder, { recursive: true, force: true })
  }
  const count = (state: Outcome['state']): number => outcomes.filter((outcome) => outcome.state === state).length
  // What must pass must run: a skip among the named ones is a failure of this run.
  console.log(`librdkafka, ${options.protocol} groups: ${count('PASS')} passed, ${count('FAIL') + count('SKIP')} failed`)
  process.exitCode = count('PASS') === outcomes.length ? 0 : 1
}

await main()
