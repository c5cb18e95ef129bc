/** Messages are plain data with a literal `type`: they can pass structuredClone, a ring, a log line and a golden file. */
export interface Tagged {
  readonly type: string
}

/**
 * A pure state machine. `step` may only change its own state and append effects to `out`.
 *
 * Absent inside: clock, randomness, I/O, asynchronous calls, and references kept to `event` or `out`.
 */
export interface Machine<State, Event extends Tagged, Effect extends Tagged> {
  step(state: State, event: Event, out: Effect[]): void
}

/** One handler for each effect: a missing handler does not compile. */
export type Handlers<Effect extends Tagged> = { readonly [T in Effect['type']]: (effect: Extract<Effect, { type: T }>) => void }

/** A machine, its private state and a bounded mailbox. Its only input are events in the mailbox, its only output are effects. */
export class Actor<State, Event extends Tagged, Effect extends Tagged> {
  readonly #machine: Machine<State, Event, Effect>
  readonly #state: State
  readonly #handlers: Handlers<Effect>
  readonly #mailboxMax: number
  #mailbox: Event[] = []
  #effects: Effect[] = []

  constructor(machine: Machine<State, Event, Effect>, state: State, handlers: Handlers<Effect>, mailboxMax: number) {
    this.#machine = machine
    this.#state = state
    this.#handlers = handlers
    this.#mailboxMax = mailboxMax
  }

  /** False when the mailbox is full: the sender decides on the consequences. */
  send(event: Event): boolean {
    if (this.#mailbox.length >= this.#mailboxMax) return false
    this.#mailbox.push(event)
    return true
  }

  /** Processes all waiting events, then all effects, in order. Returns the number of events; 0 means idle. */
  turn(): number {
    const events = this.#mailbox
    this.#mailbox = []
    for (const event of events) this.#machine.step(this.#state, event, this.#effects)
    const effects = this.#effects
    this.#effects = []
    for (const effect of effects) this.#perform(effect)
    return events.length
  }

  #perform(effect: Effect): void {
    // Handlers are total by type; the compiler cannot verify that key and value match.
    const handle = this.#handlers[effect.type as Effect['type']] as (effect: Effect) => void
    handle(effect)
  }
}
