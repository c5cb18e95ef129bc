import type { Machine, Tagged } from '../actor/actor.ts'

/** Of a record of an internal topic. A null value is a tombstone. */
export interface KeyAndValue {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** Events of every coordinator. `now` is the wall clock in milliseconds; a ticket identifies the request of the caller. */
export type CoordinatorEvent<Request> =
  | { readonly type: 'requested'; readonly now: number; readonly ticket: number; readonly request: Request }
  /** Every record of the partition has been replayed: its state is active from now on. */
  | { readonly type: 'loaded'; readonly now: number }
  /** Timers may be due. */
  | { readonly type: 'ticked'; readonly now: number }

/**
 * Effects of every coordinator. A response is sent once all earlier writes are durable. Its type depends on the request; the ticket matches
 * them.
 */
export type CoordinatorEffect<Stored> =
  | { readonly type: 'write'; readonly records: readonly Stored[] }
  | { readonly type: 'respond'; readonly ticket: number; readonly response: unknown }
  /** Requests a tick at this time at the latest; replaces earlier requests. */
  | { readonly type: 'wake'; readonly at: number }

/**
 * A kind of coordinator, such as that of groups: what its records and requests mean. Its state exists once for each partition of its internal
 * topic that this node leads, and two partitions share no state that records change.
 *
 * Replay is exact: the records that were written, replayed into an empty state, produce the state that wrote them.
 */
export interface CoordinatorMachine<State, Request, Notification extends Tagged, Stored>
  extends Machine<State, CoordinatorEvent<Request> | Notification, CoordinatorEffect<Stored>> {
  /** State of a partition without records. */
  create(): State
  encode(record: Stored): KeyAndValue
  /** Undefined for a record of another kind of coordinator. Throws MalformedMessage. */
  decode(key: Buffer, value: Buffer | null): Stored | undefined
  /** Applies a record from the log, before `loaded`. */
  replay(state: State, record: Stored): void
}
