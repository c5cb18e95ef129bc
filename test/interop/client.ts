import { spawn } from 'node:child_process'
import type { Sample } from './corpus.ts'

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof codecs)[number]

/** A third-party client. What it cannot express, and whether it is installed, are part of it. */
export interface Client {
  readonly name: string
  /** Why it cannot run here, or null. */
  missing(): string | null
  readonly takesBytes: boolean
}

export interface WritingClient extends Client {
  readonly codecs: readonly Codec[]
  /** What it makes of a record that it cannot express. */
  asWritten?(sample: Sample): Sample
  /** Into partition 0 of a topic that exists. */
  write(address: string, topic: string, codec: Codec, samples: readonly Sample[]): Promise<void>
}

export interface ReadingClient extends Client {
  readonly codecs: readonly Codec[]
  /** Partition 0 from its first record, without a group. */
  read(address: string, topic: string, count: number): Promise<readonly Sample[]>
}

const limitMs = 60_000

/** Runs a program to its end; rejects with its output when that is a failure. */
export function run(program: string, args: readonly string[], input?: Uint8Array | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const late = setTimeout(() => child.kill('SIGKILL'), limitMs)
    const out: Buffer[] = []
    let errorOutput = ''
    child.stdout.on('data', (part: Buffer) => out.push(part))
    child.stderr.on('data', (part: Buffer) => {
      errorOutput += String(part)
    })
    child.stdin.on('error', () => {})
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(late)
      if (code === 0) resolve(Buffer.concat(out))
      else reject(new Error(`${program} ended with ${code}: ${errorOutput.slice(-1000)}`))
    })
    child.stdin.end(input)
  })
}
