import { assert } from '../base/assert.ts'

/**
 * Requests in progress by token. Ring messages and other threads refer to a request by its token. A token is reused only when
 * no answer for it can arrive any more.
 */
export class RequestTable<Request extends { readonly token: number }> {
  readonly #requests: (Request | undefined)[] = []
  readonly #free: number[] = []
  /** Functions that cancel the wait of a request, by token. */
  readonly #waits = new Map<number, () => void>()

  take(): number {
    return this.#free.pop() ?? this.#requests.push(undefined) - 1
  }

  /** Reads a request that gets a new token. The token is released if the request cannot start: `read` throws or returns undefined. */
  begin<T>(read: (token: number) => T | undefined): T | undefined {
    const token = this.take()
    let begun: T | undefined
    try {
      begun = read(token)
    } finally {
      if (begun === undefined) this.release(token)
    }
    return begun
  }

  /** Releases the token of a request that was not added. */
  release(token: number): void {
    this.#free.push(token)
  }

  add(request: Request): void {
    assert(this.#requests[request.token] === undefined, 'a token has one request')
    this.#requests[request.token] = request
  }

  get(token: number): Request | undefined {
    return this.#requests[token]
  }

  forget(token: number): void {
    this.stopWaiting(token)
    if (this.#requests[token] === undefined) return
    this.#requests[token] = undefined
    this.#free.push(token)
  }

  /** `cancel` cancels the timer of the request. */
  waits(token: number, cancel: () => void): void {
    this.#waits.set(token, cancel)
  }

  stopWaiting(token: number): void {
    this.#waits.get(token)?.()
    this.#waits.delete(token)
  }

  *[Symbol.iterator](): Generator<Request, void, void> {
    for (const request of this.#requests) if (request !== undefined) yield request
  }
}
