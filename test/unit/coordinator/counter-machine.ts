import { unreachable } from '../../../src/base/assert.ts'
import type { CoordinatorEffect, CoordinatorEvent, CoordinatorMachine } from '../../../src/coordinator/machine.ts'
import { Timers } from '../../../src/coordinator/timers.ts'

/** Value of a counter after a change, with the number of that change. Null removes the counter. */
export interface CounterRecord {
  readonly name: string
  readonly value: { readonly sum: number; readonly change: number } | null
}

export type CounterRequest =
  /** Responds with the new sum. */
  | { readonly type: 'add'; readonly name: string; readonly by: number; readonly change: number }
  /** Responds with the value. */
  | { readonly type: 'read'; readonly name: string }
  /** Responds at the next change. */
  | { readonly type: 'await'; readonly name: string }
  /** Removes the counter at a time. */
  | { readonly type: 'expire'; readonly name: string; readonly at: number }

export interface CounterNotification {
  readonly type: 'removed'
  readonly name: string
}

export interface CounterState {
  readonly counters: Map<string, NonNullable<CounterRecord['value']>>
  readonly awaiting: Map<string, number[]>
  readonly timers: Timers<string>
  /** Removed before the load was complete; undefined after it. */
  removedBeforeLoad: Set<string> | undefined
}

type Effect = CoordinatorEffect<CounterRecord>

/** Counters by name: a coordinator that has every effect, and nothing else. */
export const counterMachine: CoordinatorMachine<CounterState, CounterRequest, CounterNotification, CounterRecord> = {
  create: () => ({ counters: new Map(), awaiting: new Map(), timers: new Timers(), removedBeforeLoad: new Set() }),
  encode: ({ name, value }) => ({ key: Buffer.from(name), value: value && Buffer.from(JSON.stringify(value)) }),
  decode: (key, value) => ({ name: key.toString(), value: value && JSON.parse(value.toString()) }),
  replay({ counters }, { name, value }) {
    if (value === null) counters.delete(name)
    else counters.set(name, value)
  },
  step(state, event, out) {
    switch (event.type) {
      case 'requested':
        if (state.removedBeforeLoad !== undefined) throw new Error('a request before the load is complete')
        serve(state, event, out)
        break
      case 'loaded':
        for (const name of state.removedBeforeLoad ?? []) change(state, { name, value: null }, out)
        state.removedBeforeLoad = undefined
        break
      case 'ticked':
        state.timers.woken()
        for (let name = state.timers.take(event.now); name !== undefined; name = state.timers.take(event.now)) {
          change(state, { name, value: null }, out)
        }
        break
      case 'removed':
        if (state.removedBeforeLoad !== undefined) state.removedBeforeLoad.add(event.name)
        else change(state, { name: event.name, value: null }, out)
        break
      default:
        unreachable(event)
    }
    const at = state.timers.takeWake()
    if (at !== undefined) out.push({ type: 'wake', at })
  },
}

function serve(state: CounterState, { ticket, request }: Extract<CoordinatorEvent<CounterRequest>, { type: 'requested' }>, out: Effect[]) {
  const { name } = request
  const respond = (response: unknown): void => void out.push({ type: 'respond', ticket, response })
  switch (request.type) {
    case 'add': {
      const sum = (state.counters.get(name)?.sum ?? 0) + request.by
      change(state, { name, value: { sum, change: request.change } }, out)
      respond(sum)
      return
    }
    case 'read':
      respond(state.counters.get(name) ?? null)
      return
    case 'await':
      state.awaiting.set(name, [...(state.awaiting.get(name) ?? []), ticket])
      return
    case 'expire':
      state.timers.set(name, request.at, name)
      respond(undefined)
      return
    default:
      unreachable(request)
  }
}

/** The state changes as by replay. */
function change(state: CounterState, record: CounterRecord, out: Effect[]): void {
  counterMachine.replay(state, record)
  out.push({ type: 'write', records: [record] })
  for (const ticket of state.awaiting.get(record.name) ?? []) out.push({ type: 'respond', ticket, response: record.value })
  state.awaiting.delete(record.name)
}
