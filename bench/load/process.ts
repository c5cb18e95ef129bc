import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../../test/support/root.ts'
import type { FromLoad, ProduceLoad, ProduceResult, TailLoad, TailResult, ToLoad } from './messages.ts'

/** A load process, as seen from the bench. Runs from the build, which `npm run bench` and `npm test` create first. */
export class LoadProcess<Result> {
  readonly ready: Promise<void>
  readonly done: Promise<Result>
  readonly #child: ChildProcess

  constructor(program: string, load: unknown, onProgress: (mib: number) => void) {
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
        else if (message.type === 'progress') onProgress(message.mib)
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

export const produceProcess = (load: ProduceLoad, onProgress: (mib: number) => void = () => {}): LoadProcess<ProduceResult> =>
  new LoadProcess('produce.js', load, onProgress)

export const tailProcess = (load: TailLoad, onProgress: (mib: number) => void = () => {}): LoadProcess<TailResult> =>
  new LoadProcess('tail.js', load, onProgress)
