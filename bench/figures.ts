import type { Sample } from './sample.ts'
import type { Limits, Scenario } from './scenarios.ts'

/** Results of one broker in all rounds of one scenario. */
export interface Outcome {
  readonly peer: string
  readonly samples: Sample[]
  readonly failures: string[]
}

export interface Result {
  readonly scenario: Scenario
  readonly outcomes: readonly Outcome[]
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median of a figure over the rounds that have it; null when none has. */
export function middle(outcome: Outcome, figure: keyof Sample): number | null {
  const values = outcome.samples.map((sample) => sample[figure]).filter((value) => value !== undefined)
  return values.length === 0 ? null : median(values)
}

export interface Ratio {
  readonly scenario: string
  readonly peer: string
  readonly figure: 'throughput' | 'cpu' | 'p99' | 'p999' | 'start'
  readonly ratio: number
  readonly requested: number | null
  readonly isReached: boolean | null
}

const compared = { throughput: 'mibPerSecond', cpu: 'brokerCpuSecondsPerGib', p99: 'p99Ms', p999: 'p999Ms', start: 'startMs' } as const

/** Millrace's median over each peer's, in the same run. */
export function ratios(results: readonly Result[], subject = 'millrace'): Ratio[] {
  return results.flatMap(({ scenario, outcomes }) => {
    const own = outcomes.find((each) => each.peer === subject)
    if (!own) return []
    return outcomes.filter((each) => each !== own).flatMap((other) => ratiosOf(scenario, own, other))
  })
}

function ratiosOf(scenario: Scenario, own: Outcome, other: Outcome): Ratio[] {
  const target = scenario.targets[other.peer] ?? {}
  return (Object.keys(compared) as (keyof typeof compared)[]).flatMap((figure) => {
    const mine = middle(own, compared[figure])
    const theirs = middle(other, compared[figure])
    if (mine === null || theirs === null || theirs === 0) return []
    const ratio = mine / theirs
    const requested = figure === 'start' ? null : (target[figure] ?? null)
    const isReached = requested === null ? null : figure === 'throughput' ? ratio >= requested : ratio <= requested
    return [{ scenario: scenario.name, peer: other.peer, figure, ratio, requested, isReached }]
  })
}

export interface Checked {
  readonly scenario: string
  readonly peer: string
  readonly figure: keyof Sample
  readonly value: number
  readonly limit: number
  readonly isReached: boolean
}

const limited: readonly (readonly [limit: keyof Limits, figure: keyof Sample, isMinimum: boolean])[] = [
  ['slowestWindowMin', 'slowestWindow', true],
  ['writtenPerByteMax', 'writtenPerByte', false],
  ['readPerByteMax', 'readPerByte', false],
  ['startMsMax', 'startMs', false],
  ['idleCpuPercentMax', 'idleCpuPercent', false],
]

/** Targets without a peer, for all brokers: the same figures of a peer show what the machine allows. The worst round counts. */
export function checkedLimits(results: readonly Result[]): Checked[] {
  return results.flatMap(({ scenario, outcomes }) =>
    !('limits' in scenario)
      ? []
      : outcomes.flatMap(({ peer, samples }) =>
          limited.flatMap(([name, figure, isMinimum]) => {
            const values = samples.map((sample) => sample[figure]).filter((value) => value !== undefined)
            const limit = scenario.limits[name]
            if (values.length === 0 || limit === undefined) return []
            const value = isMinimum ? Math.min(...values) : Math.max(...values)
            return [{ scenario: scenario.name, peer, figure, value, limit, isReached: isMinimum ? value >= limit : value <= limit }]
          }),
        ),
  )
}
