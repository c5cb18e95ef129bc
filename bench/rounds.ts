import type { Outcome, Result } from './figures.ts'
import type { Brokers, Peer } from './peers.ts'
import type { Progress } from './progress.ts'
import { type RunOptions, runProduce, runScenario } from './run-scenario.ts'
import type { Scenario, Shape } from './scenarios.ts'

export interface RoundOptions {
  readonly rounds: number
  readonly mib: number
  readonly secondsMax: number
  readonly sustainedSeconds: number
  readonly offeredSeconds: number
  readonly backlogMib: number
  readonly warmMib: number
}

export const stepCount = (scenarios: readonly Scenario[], peers: readonly Peer[], rounds: number): number =>
  peers.length + rounds * scenarios.reduce((sum, scenario) => sum + peers.filter((peer) => appliesTo(scenario, peer)).length, 0)

/** Peers take turns, A B C C B A, so that other load on the machine, and the place in a round, affect all of them alike. */
export async function runRounds(
  scenarios: readonly Scenario[],
  peers: readonly Peer[],
  brokers: Brokers,
  options: RoundOptions,
  progress: Progress,
): Promise<Result[]> {
  if (scenarios.some(isWarm)) for (const peer of peers) await warm(peer, brokers, options, progress)
  const results = scenarios.map((scenario) => ({
    scenario,
    outcomes: peers.map((peer): Outcome => ({ peer: peer.name, samples: [], failures: [] })),
  }))
  for (const { scenario, outcomes } of results) {
    for (let round = 1; round <= options.rounds; round += 1) {
      const turns = [...peers.entries()]
      for (const [index, peer] of round % 2 === 1 ? turns : turns.reverse()) {
        if (!appliesTo(scenario, peer)) continue
        progress.start(`${scenario.name} on ${peer.name}, round ${round}`)
        await runOnce(scenario, peer, brokers, runOptions(options, progress), outcomes[index]!)
      }
    }
  }
  return results.map(({ scenario, outcomes }) => ({
    scenario,
    outcomes: outcomes.filter((each) => each.samples.length + each.failures.length > 0),
  }))
}

/** Runs on a broker that other scenarios have warmed. */
const isWarm = ({ kind }: Scenario): boolean => kind !== 'startup' && kind !== 'partitions'

/** The flush policy of a topic affects only scenarios that write at full speed. */
function appliesTo(scenario: Scenario, peer: Peer): boolean {
  const isFullSpeed =
    (scenario.kind === 'produce' && scenario.shape.mibPerSecond === null) ||
    scenario.kind === 'requests' ||
    scenario.kind === 'java-produce'
  // Kafka takes minutes for so many partitions.
  if (scenario.kind === 'partitions') return peer.kind === 'millrace'
  return isFullSpeed || Object.keys(peer.topicConfigs).length === 0
}

/** A failed run is a result too: the others continue. */
async function runOnce(scenario: Scenario, peer: Peer, brokers: Brokers, options: RunOptions, outcome: Outcome): Promise<void> {
  try {
    outcome.samples.push(await runScenario(scenario, brokers, peer, options))
  } catch (error) {
    outcome.failures.push(error instanceof Error ? error.message : String(error))
  }
}

/** A just-in-time compiler needs some gigabytes of requests of either size before it reaches its best speed. */
async function warm(peer: Peer, brokers: Brokers, options: RoundOptions, progress: Progress): Promise<void> {
  progress.start(`warming ${peer.name}`)
  const shapes: Shape[] = [64 << 10, 16 << 10].map((batchBytes) => ({
    partitions: 1,
    connections: 4,
    inFlight: 5,
    batchBytes,
    recordBytes: 1024,
    mibPerSecond: null,
  }))
  for (const shape of shapes) {
    const limits = { ...runOptions(options, progress), mib: options.warmMib / shapes.length, secondsMax: options.secondsMax * 2 }
    await runProduce(brokers, peer, shape, true, limits)
  }
}

function runOptions(options: RoundOptions, progress: Progress): RunOptions {
  return {
    ...options,
    onProgress: (mib) => progress.show(`${mib.toFixed(0)} MiB`),
    onSecond: (second, mib) => progress.line(`${String(second).padStart(4)} s  ${mib.toFixed(0).padStart(5)} MiB/s`),
  }
}
