/** A part of the node that runs until it is stopped. */
export interface Service {
  /** For log lines. */
  readonly name: string
  start?(): Promise<void> | void
  stop?(): Promise<void> | void
}

/**
 * Services in the order of their dependencies: each may use those before it. They start in this order, and stop in the reverse one.
 *
 * A start that fails stops the services that have started, and then rejects. A stop that fails does not prevent the stops of the others.
 */
export class Services {
  readonly #services: readonly Service[]
  readonly #failed: (name: string, error: Error) => void
  #started = 0

  /** `failed`: a service has not stopped cleanly. */
  constructor(services: readonly Service[], failed: (name: string, error: Error) => void) {
    this.#services = services
    this.#failed = failed
  }

  async start(): Promise<void> {
    try {
      for (const service of this.#services) {
        this.#started++
        await service.start?.()
      }
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Resolves when all have stopped. A second call stops nothing. */
  async stop(): Promise<void> {
    while (this.#started > 0) {
      const service = this.#services[--this.#started]!
      try {
        await service.stop?.()
      } catch (error) {
        this.#failed(service.name, error as Error)
      }
    }
  }
}
