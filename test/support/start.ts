import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './root.ts'

export interface Started {
  readonly pid: number
  /** Its output so far, from both streams. */
  readonly text: () => string
  /** Resolves when the output contains the text, or the process ends. */
  until(part: string): Promise<void>
  /** Exit status, or the signal's name. */
  readonly ended: Promise<number | string>
  kill(signal: NodeJS.Signals): void
}

/**
 * Runs `millrace` with these arguments, as an operator does, or another installation of it; `shell` precedes it, such as `ulimit -n 300;`.
 */
export function start(args: readonly string[], options: { shell?: string; env?: Record<string, string>; main?: string } = {}): Started {
  const { shell = '', env = {}, main = join(root, 'src', 'cli', 'millrace.mjs') } = options
  const command = [process.execPath, main, ...args]
  const [program, rest] = shell === '' ? [command[0]!, command.slice(1)] : ['sh', ['-c', `${shell} exec "$@"`, 'sh', ...command]]
  const child = spawn(program, rest, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let text = ''
  const polls = new Set<() => void>()
  for (const output of [child.stdout, child.stderr]) {
    output.on('data', (chunk) => {
      text += String(chunk)
      for (const look of polls) look()
    })
  }
  const ended = new Promise<number | string>((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing')))
  return {
    pid: child.pid!,
    text: () => text,
    until: (part) =>
      Promise.race([
        ended.then(() => {}),
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (!text.includes(part)) return
            polls.delete(look)
            resolve()
          }
          polls.add(look)
          look()
        }),
      ]),
    ended,
    kill: (signal) => child.kill(signal),
  }
}

/** Runs `server start` with these settings. */
export const startServer = (settings: Readonly<Record<string, string>>, options?: Parameters<typeof start>[1]): Started =>
  start(['server', 'start', ...Object.entries(settings).flatMap(([key, value]) => ['--override', `${key}=${value}`])], options)
