import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { account } from '../../test/interop/store-servers.ts'
import { freePorts } from '../../test/support/broker.ts'
import { Connection } from '../../test/support/connection.ts'
import type { BenchServer } from './stores.ts'

const program = process.env['MILLRACE_TANSU'] ?? 'tansu'
const startMs = 30_000

/** Undefined if Tansu is found. */
export const tansuMissing = (): string | undefined =>
  spawnSync(program, ['--version']).status === 0
    ? undefined
    : `${program} is not found (cargo install tansu --locked --no-default-features --features dynostore,libsql; or set MILLRACE_TANSU)`

export interface RunningTansu {
  readonly port: number
  readonly log: string
  createTopic(name: string): void
  stop(): Promise<void>
}

/** Tansu stores each batch in an object of its own. */
export async function startTansu({ endpoint, bucket }: BenchServer): Promise<RunningTansu> {
  const [port] = await freePorts(1)
  const address = `tcp://127.0.0.1:${port}`
  const args = ['broker', '--listener-url', address, '--advertised-listener-url', address, '--storage-engine', `s3://${bucket}/`]
  const child = spawn(program, [...args, '--cluster-id', 'bench', '--silent'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      AWS_ENDPOINT: endpoint,
      AWS_ALLOW_HTTP: 'true',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: account.accessKey,
      AWS_SECRET_ACCESS_KEY: account.secretKey,
      RUST_LOG: 'error',
    },
  })
  let log = ''
  for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (log = (log + String(text)).slice(-3000)))
  await listening(port!, child, () => log)
  return {
    port: port!,
    get log() {
      return log
    },
    createTopic(name) {
      const made = spawnSync(program, ['topic', 'create', '--broker', address, '--partitions', '1', name], { encoding: 'utf8' })
      if (made.status !== 0) throw new Error(`tansu topic create ended with ${made.status}: ${made.stderr}`)
    },
    async stop() {
      if (child.exitCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function listening(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (const began = performance.now(); performance.now() - began < startMs; await pause(50)) {
    if (child.exitCode !== null) throw new Error(`tansu ended with ${child.exitCode}: ${log()}`)
    const connection = await Connection.open(port).catch(() => null)
    if (connection === null) continue
    await connection.close()
    return
  }
  child.kill('SIGKILL')
  throw new Error(`nothing answers on port ${port} within ${startMs} ms: ${log()}`)
}
