import { type ChildProcess, spawn } from 'node:child_process'
import { javaArguments } from './kafka.ts'

const logBytesMax = 1 << 20
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A Kafka program that runs until it is stopped. */
export class JavaProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<number | string>
  #log = ''

  constructor(mainClass: string, args: readonly string[], heap = '-Xmx256m') {
    const child = spawn('java', [...javaArguments(mainClass, heap), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    running.add(child)
    for (const output of [child.stdout, child.stderr])
      output.on('data', (text) => {
        this.#log = (this.#log + String(text)).slice(-logBytesMax)
      })
    this.#exited = new Promise((resolve) =>
      child.once('exit', (code, signal) => {
        running.delete(child)
        resolve(code ?? signal ?? 'nothing')
      }),
    )
  }

  /** The last part of its output. */
  get log(): string {
    return this.#log
  }

  /** Its exit code or signal, once it has ended. */
  get exited(): Promise<number | string> {
    return this.#exited
  }

  stop(): Promise<number | string> {
    this.#child.kill('SIGTERM')
    return this.#exited
  }

  kill(): Promise<number | string> {
    this.#child.kill('SIGKILL')
    return this.#exited
  }
}
