/** The `millrace` command: parses the arguments, starts a node, and stops it on a signal. */
import { readFileSync } from 'node:fs'
import { logDestination, openLog } from '../native-free-io/process/logger.ts'
import { startErrors } from '../native-free-io/process/start-checks.ts'
import { StartRefused } from '../native-free-io/process/start-refused.ts'
import { program } from '../src/cli/program.ts'
import { dialled } from '../src/config/listeners.ts'
import type { NodeConfigs } from '../src/config/node-configs.ts'
import { StoreRefused } from '../src/wal/s3/s3-wal.ts'
import { walCorruptCode } from '../src/wal/wal-recovery.ts'
import { startNode } from './node.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', rootOf(import.meta.url)), 'utf8')) as { version: string }

/** In a build, this file is one folder deeper than in the sources. */
function rootOf(url: string): URL {
  return new URL(url.endsWith('.js') ? '../' : './', url)
}

function read(path: string): { name: string; content: string } | { unreadable: string } {
  try {
    return { name: path, content: readFileSync(path, 'utf8') }
  } catch (error) {
    return { unreadable: `${path} cannot be read: ${(error as Error).message}` }
  }
}

/** An error that an operator can correct is one line with the setting to change; a stack trace appears only for a bug. */
function operatorsLine(error: Error): string | undefined {
  if (error instanceof StartRefused) return error.message
  if (error instanceof StoreRefused) return `s3.wal.path: ${error.message}. Set it to a bucket and a key that may read, write and remove.`
  if ('code' in error && error.code === walCorruptCode) return `s3.wal.path: ${error.message}.`
  return undefined
}

/** A stop that waits longer for an unavailable store ends like a crash, without any loss of records. */
const stopMsMax = 45_000

async function start(configs: NodeConfigs, warnings: readonly string[]): Promise<void> {
  const { settings } = configs
  const { destination, isPrinterMissing } = await logDestination(settings['log.format'])
  const log = openLog(settings['log.level'], destination)
  if (isPrinterMissing) log.warn('log.format = pretty: the package pino-pretty is not installed; the log is written as JSON')
  for (const warning of warnings) log.warn(warning)
  const fail = (why: string, error: Error): void => {
    const line = operatorsLine(error)
    if (line === undefined) log.fatal({ err: error }, `the node stops: ${why} failed`)
    else log.fatal(line)
    process.exit(1)
  }
  const node = await startNode(configs, log, fail).catch((error: Error) => fail('the start', error))
  if (node === undefined) return
  let stopping = false
  const stop = (signal: string): void => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    setTimeout(() => {
      log.error({ milliseconds: stopMsMax }, 'shutdown did not finish in time; the next start recovers acknowledged records from the logs')
      process.exit(1)
    }, stopMsMax).unref()
    node.stop().then(
      () => process.exit(0),
      (error: Error) => fail('the stop', error),
    )
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  const [first] = node.addresses
  for (const { name, host, port } of node.addresses) log.info({ listener: name, host, port }, 'listening')
  process.stdout.write(welcome(dialled(first!.host, first!.port)))
}

const welcome = (address: string): string => `
Millrace ${version} is ready at ${address}. Try, in another terminal:

  echo hello | kcat -b ${address} -P -t greetings
  kcat -b ${address} -C -t greetings -o beginning -e

Ctrl-C stops it; acknowledged records stay.
`

await program({
  read,
  print: (line) => process.stdout.write(`${line}\n`),
  reportError: (line) => process.stderr.write(`${line}\n`),
  exitCode: (code) => {
    process.exitCode = code
  },
  version,
  inspect: ({ settings, given }) => startErrors(settings, (key) => given.has(key)),
  start,
}).parseAsync()
