import { PagePool, type PageRun } from '../../src/base/page-pool.ts'
import { Pieces } from '../../src/base/pieces.ts'

/** Memory for copies of unread responses, shared by all connections of a network thread. It is allocated at the first copy. */
export class CopyMemory {
  readonly #pool: PagePool
  #memory: Buffer | undefined

  constructor(bytes: number) {
    this.#pool = new PagePool(0, bytes)
  }

  get freeBytes(): number {
    return this.#pool.freeBytes
  }

  take(bytes: number): readonly PageRun[] | undefined {
    return this.#pool.take(bytes)
  }

  release(runs: readonly PageRun[]): void {
    this.#pool.release(runs)
  }

  /** The memory of `runs`, in order. */
  pieces(runs: readonly PageRun[]): Pieces {
    const memory = (this.#memory ??= Buffer.allocUnsafeSlow(this.#pool.bytes))
    return new Pieces(runs.map(({ address, bytes }) => memory.subarray(address, address + bytes)))
  }
}
