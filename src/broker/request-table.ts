/**
 * Requests under way by their tokens, which are what rings and other threads carry. A token is given out again only when
 * nobody can answer for it any more.
 */
export class RequestTable<Request extends { readonly token: number }> {
  readonly #requests: (Request | undefined)[] = []
  readonly #free: number[] = []
  /** How the wait of a request is called off, by its token. */
  readonly #waits = new Map<number, () => void>()

  take(): number {
    return this.#free.pop() ?? this.#requests.push(undefined) - 1
  }

  /** A token that was taken for a request that could not begin. */
  giveBack(token: number): void {
    this.#free.push(token)
  }

  add(request: Request): void {
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

  /** `cancel` calls off what wakes the request. */
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
