import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../../test/support/root.ts'
import type { FromLoad, ProduceLoad, ProduceResult, TailLoad, TailResult, ToLoad } from './messages.ts'

export interface LoadEvents {
  /** Data since the start, several times a second. */
  readonly onProgress?: (mib: number) => void
  /** Data of one second; only of a load with windows. */
  readonly onSecond?: (mib: number) => void
}

/** A load process, as seen from the bench. Runs from the build, which `npm run bench` and `npm test` create first. */
export class LoadProcess<Result> {
  readonly ready: Promise<void>
  readonly done: Promise<Result>
  readonly #child: ChildProcess

  constructor(program: string, load: unknown, events: LoadEvents) {
    const child = fork(join(root, 'dist', 'bench', 'load', program), [JSON.stringify(load)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child = child
    let isReady = (): void => {}
    this.ready = new Promise((resolve) => {
      isReady = resolve
    })
    this.done = new Promise((resolve, reject) => {
      child.on('message', (message: FromLoad<Result>) => {
        if (message.type === 'ready') isReady()
        else if (message.type === 'progress') events.onProgress?.(message.mib)
        else if (message.type === 'second') events.onSecond?.(message.mib)
        else if (message.type === 'done') resolve(message.result)
        else reject(new Error(message.reason))
      })
      child.once('exit', (code) => reject(new Error(`the load process ended with ${code} before its result`)))
    })
    // A failure before the result is awaited is still reported when it is.
    this.done.catch(() => isReady())
  }

  send(message: ToLoad): void {
    this.#child.send(message)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

export const produceProcess = (load: ProduceLoad, events: LoadEvents = {}): LoadProcess<ProduceResult> =>
  new LoadProcess('produce.js', load, events)

export const tailProcess = (load: TailLoad, events: LoadEvents = {}): LoadProcess<TailResult> => new LoadProcess('tail.js', load, events)
