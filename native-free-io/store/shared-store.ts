import { MetricBlock } from '../../src/metrics/rows.ts'
import { BandwidthBudget, budgetBytes, type Priority } from '../../src/object-store/bandwidth.ts'
import { storeTable } from '../../src/object-store/request-metrics.ts'
import type { ObjectStore, StoreLocation } from '../../src/ports/object-store.ts'
import { BandwidthGate, budgeted, type Gates } from './bandwidth-gate.ts'
import { openStore } from './open-store.ts'

/** Bandwidth budget for the stores of a node, in each direction, shared by all its threads. */
export interface BudgetData {
  readonly received: BigInt64Array
  readonly sent: BigInt64Array
  readonly bytesPerSecond: number
}

/** A thread's share of a store that several threads use. */
export interface StoreShare {
  /** Null if there is no limit. */
  readonly budget: BudgetData | null
  /** Counters of the thread, in the rows of `storeTable`. */
  readonly meter: Float64Array
}

/** A local disk has no bandwidth budget. */
export function budgetFor(locations: readonly StoreLocation[], bytesPerSecond: number): BudgetData | null {
  if (!locations.some(({ scheme }) => scheme === 's3')) return null
  const words = (): BigInt64Array => new BigInt64Array(new SharedArrayBuffer(budgetBytes))
  return { received: words(), sent: words(), bytesPerSecond }
}

export const newMeter = (): Float64Array =>
  new Float64Array(new SharedArrayBuffer(Object.keys(storeTable).length * Float64Array.BYTES_PER_ELEMENT))

/** A store whose requests are counted for the bill, without a bandwidth budget: for the few requests of a start and of a health check. */
export const meteredStore = (location: StoreLocation, meter: Float64Array): Promise<ObjectStore> =>
  openStore(location, { meter: new MetricBlock(storeTable, meter) })

/** The store of a thread, opened at its first use. The priority of a request determines its order for bandwidth. */
export function sharedStore(location: StoreLocation, { budget, meter }: StoreShare): (priority: Priority) => Promise<ObjectStore> {
  const gates = location.scheme === 's3' && budget !== null ? gatesOf(budget) : undefined
  let opened: Promise<ObjectStore> | undefined
  return async (priority) => {
    opened ??= meteredStore(location, meter)
    return gates === undefined ? opened : budgeted(await opened, gates, priority)
  }
}

function gatesOf({ received, sent, bytesPerSecond }: BudgetData): Gates {
  const gate = (words: BigInt64Array): BandwidthGate => new BandwidthGate(new BandwidthBudget(words, bytesPerSecond))
  return { received: gate(received), sent: gate(sent) }
}
