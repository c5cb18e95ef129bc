import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Writer } from './bytes.ts'
import { Connection } from './connection.ts'
import { formatKafka, javaArguments, kafkaMissing } from './kafka.ts'
import { type ProcessFigures, processFigures } from './process-figures.ts'
import { api } from './requests.ts'
import { root } from './root.ts'

export type BrokerKind = 'millrace' | 'kafka'

export interface BrokerOptions {
  readonly kind?: BrokerKind
  /** Settings with Kafka's property names, for both kinds of brokers. */
  readonly settings?: Readonly<Record<string, string>>
  /** Root of another checkout of Millrace, built; by default this one. */
  readonly build?: string
  /** Parent of the broker's own folder; by default the system's temporary folder. */
  readonly under?: string
  /** Heap size; for Kafka only. */
  readonly heap?: string
  /** The folder is empty at every start. */
  readonly forgets?: boolean
}

/** BROKER=kafka runs every test over the network against a real Kafka, to verify the test's expectations. */
export const brokerKind = (): BrokerKind => (process.env['BROKER'] === 'kafka' ? 'kafka' : 'millrace')

/** Shorter than the limit of most tests, so that a failed start is reported with the output of the broker. */
const startLimitMs = 45_000
/** Maximum time of a response of a broker that has accepted a connection. */
const answerLimitMs = 20_000
const stopLimitMs = 60_000
const logBytesMax = 1 << 20
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A broker as a separate process, with its own ports and a folder that is deleted at the end. */
export class Broker {
  readonly kind: BrokerKind
  readonly port: number
  readonly folder: string
  readonly #command: readonly string[]
  readonly #forgets: boolean
  #child: ChildProcess | null = null
  #exited: Promise<number | string> = Promise.resolve(0)
  #log = ''

  constructor(kind: BrokerKind, port: number, folder: string, command: readonly string[], forgets = false) {
    this.kind = kind
    this.port = port
    this.folder = folder
    this.#command = command
    this.#forgets = forgets
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the broker does not run')
    return this.#child.pid
  }

  get isRunning(): boolean {
    return this.#child !== null
  }

  /** The last part of its output. */
  get log(): string {
    return this.#log
  }

  figures(): ProcessFigures {
    return processFigures(this.pid)
  }

  /** Starts the broker on its previous folder. Resolves to the milliseconds until it answered a client. */
  async start(environment: Readonly<Record<string, string>> = {}, settings: Readonly<Record<string, string>> = {}): Promise<number> {
    const began = performance.now()
    if (this.#forgets) rmSync(join(this.folder, 'data'), { recursive: true, force: true })
    const [program, ...args] = [...this.#command, ...overrides(settings)]
    const child = spawn(program!, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
    running.add(child)
    this.#child = child
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => this.#hear(String(text)))
    this.#exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(this.#gone(child, code ?? signal ?? 'nothing'))))
    while (!(await answers(this.port))) {
      if (this.#child !== child) throw new Error(`the broker ended with ${await this.#exited}:\n${this.#log}`)
      if (performance.now() - began > startLimitMs) throw new Error(`no answer from the broker in ${startLimitMs} ms:\n${this.#log}`)
      await pause(5)
    }
    return performance.now() - began
  }

  /** Starts the broker and waits for its end: the exit code, and its output. For starts that fail or crash. */
  async run(
    settings: Readonly<Record<string, string>> = {},
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly code: number | string; readonly printed: string }> {
    const [program, ...args] = [...this.#command, ...overrides(settings)]
    const child = spawn(program!, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
    running.add(child)
    let printed = ''
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (printed += String(text)))
    const late = setTimeout(() => child.kill('SIGKILL'), startLimitMs)
    const code = await new Promise<number | string>((resolve) =>
      child.once('close', (status, signal) => resolve(status ?? signal ?? 'nothing')),
    )
    clearTimeout(late)
    running.delete(child)
    return { code, printed }
  }

  /** Stops the broker cleanly. Resolves to the exit code, or the signal's name. */
  stop(): Promise<number | string> {
    const child = this.#child
    if (child === null) return this.#exited
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
    return this.#exited.finally(() => clearTimeout(late))
  }

  /** Kills the broker: nothing is flushed, and clients are not notified. */
  kill(): Promise<number | string> {
    this.#child?.kill('SIGKILL')
    return this.#exited
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #hear(text: string): void {
    this.#log = (this.#log + text).slice(-logBytesMax)
  }

  #gone(child: ChildProcess, how: number | string): number | string {
    running.delete(child)
    if (this.#child === child) this.#child = null
    return how
  }
}

export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await prepareBroker(options)
  await broker.start().catch(async (error: unknown) => {
    await broker.remove()
    throw error
  })
  return broker
}

/** All preparations for the start: a Kafka is formatted, a Millrace formats itself. */
export async function prepareBroker(options: BrokerOptions = {}): Promise<Broker> {
  const kind = options.kind ?? brokerKind()
  const under = options.under ?? tmpdir()
  mkdirSync(under, { recursive: true })
  const folder = mkdtempSync(join(under, `${kind}-`))
  const [client, controller] = await freePorts(2)
  const settings = options.settings ?? {}
  if (kind === 'millrace')
    return new Broker(kind, client!, folder, millraceCommand(options.build ?? root, folder, client!, settings), options.forgets)
  const missing = kafkaMissing()
  if (missing) throw new Error(missing)
  const properties = formatKafka(folder, { client: client!, controller: controller! }, settings)
  return new Broker(kind, client!, folder, ['java', ...javaArguments('kafka.Kafka', options.heap ?? '-Xms1g -Xmx1g'), properties])
}

function millraceCommand(build: string, folder: string, port: number, settings: Readonly<Record<string, string>>): string[] {
  const all: Record<string, string> = {
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': join(folder, 'data'),
    'metrics.listener': '',
    ...settings,
  }
  return [process.execPath, join(build, 'src', 'cli', 'millrace.mjs'), 'server', 'start', ...overrides(all)]
}

const overrides = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([key, value]) => ['--override', `${key}=${value}`])

/** False if there is no broker yet. Rejects if a broker accepts a connection and does not respond. */
async function answers(port: number): Promise<boolean> {
  const connection = await Connection.open(port).catch(() => null)
  if (connection === null) return false
  try {
    // The system may connect a port to itself when nothing listens on it.
    if (connection.socket.localPort === port) return false
    const late = pause(answerLimitMs, 'late' as const, { ref: false })
    const outcome = await Promise.race([
      connection.call(api.apiVersions, new Writer()).then(
        () => 'answered' as const,
        () => 'closed' as const,
      ),
      late,
    ])
    if (outcome === 'late') throw new Error(`the broker on port ${port} accepted a connection and did not respond in ${answerLimitMs} ms`)
    return outcome === 'answered'
  } finally {
    await connection.close()
  }
}

/** Ports that were free a moment ago, for programs that require a port number. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
