import { describe, expect, test } from 'vitest'
import * as actor from '../../src/actor/actor.ts'
import * as assert from '../../src/base/assert.ts'
import * as load from '../../src/coordinator/load.ts'
import type * as partition from '../../src/coordinator/partition.ts'
import * as recordWriter from '../../src/coordinator/record-writer.ts'
import * as partitions from '../../src/ports/partitions.ts'
import * as batchBuilder from '../../src/wire/batch-builder.ts'
import * as errors from '../../src/wire/errors.ts'
import * as recordBatch from '../../src/wire/record-batch.ts'
import { longIf } from '../support/long.ts'
import { mutant } from '../support/mutant.ts'
import { CoordinatorWorld, type Runtime } from './coordinator-world.ts'

const steps = 1500

for (let seed = 0; seed < 30; seed++) {
  test(
    `coordinator runtime: no response without a durable record, and no state that differs from its log, under seed ${seed}`,
    longIf(seed >= 12),
    async () => {
      await new CoordinatorWorld(seed).run(steps)
    },
  )
}

test('coordinator simulation: the same seed has the same history, and histories have every event', async () => {
  const worlds = async () => {
    const all: Record<string, number>[] = []
    for (const seed of [3, 5, 8, 13]) all.push((await new CoordinatorWorld(seed).run(steps)).figures)
    return all
  }
  const once = await worlds()
  expect(await worlds()).toEqual(once)
  for (const figure of Object.keys(once[0]!)) {
    expect({ figure, sum: once.reduce((sum, world) => sum + world[figure]!, 0) }).not.toMatchObject({ sum: 0 })
  }
})

interface Change {
  readonly from: string
  readonly to: string
}

/** The runtime with a planted bug in one of its files. The files above the changed one are evaluated again, with it. */
function planted(file: 'record-writer' | 'partition' | 'runtime', change: Change): Runtime {
  const same = (text: string): Change => ({ from: text, to: text })
  const of = (name: typeof file, unique: string): Change => (file === name ? change : same(unique))
  const writer = mutant('src/coordinator/record-writer.ts', of('record-writer', 'export class RecordWriter'), {
    'src/base/assert.ts': assert,
    'src/wire/batch-builder.ts': batchBuilder,
    'src/wire/record-batch.ts': recordBatch,
  })
  const changed = mutant<typeof partition>('src/coordinator/partition.ts', of('partition', 'export class CoordinatorPartition'), {
    'src/actor/actor.ts': actor,
    'src/base/assert.ts': assert,
    'src/coordinator/load.ts': load,
    'src/coordinator/record-writer.ts': file === 'record-writer' ? writer : recordWriter,
    'src/ports/partitions.ts': partitions,
    'src/wire/errors.ts': errors,
  })
  const { CoordinatorRuntime } = mutant<{ CoordinatorRuntime: Runtime }>(
    'src/coordinator/runtime.ts',
    of('runtime', 'export class CoordinatorRuntime'),
    { 'src/coordinator/partition.ts': changed, 'src/wire/errors.ts': errors },
  )
  return CoordinatorRuntime
}

const writer = (from: string, to: string): Runtime => planted('record-writer', { from, to })
const inPartition = (from: string, to: string): Runtime => planted('partition', { from, to })
const inRuntime = (from: string, to: string): Runtime => planted('runtime', { from, to })

/** Appends of an earlier epoch are rejected, so the bug takes two elections in one epoch. */
const firstSeeds: Readonly<Record<string, number>> = { 'loads while an append of an earlier election is in progress': 490 }

/** Planted bugs verify that the simulation detects errors. */
describe('coordinator simulation: some seed catches a runtime that', () => {
  test.each<readonly [string, () => Runtime]>([
    ['responds before the append is durable', () => writer('this.#durable === this.#written', 'true')],
    ['takes an append for all that was written meanwhile', () => writer('this.#durable = upTo', 'this.#durable = this.#written')],
    [
      'keeps the timer of an append after a resignation',
      () => writer('this.#waiting = []\n    this.#cancelTimeout()', 'this.#waiting = []'),
    ],
    [
      'keeps the timer of the machine after a resignation',
      () => inPartition("this.#phase = 'resigned'\n    this.#cancelWake()", "this.#phase = 'resigned'"),
    ],
    ['loads while an append of an earlier election is in progress', () => inPartition('await this.#earlier\n', '')],
    ['leaves requests without response at a resignation', () => inPartition('for (const respond of requests) respond(', 'void (')],
    [
      'leaves requests that wait for a load without response at a resignation',
      () => inPartition('this.#endLoading()\n    return', 'return'),
    ],
    [
      'serves requests before the load is complete',
      () =>
        inPartition(
          'if (!this.isLoaded) await this.isLoadedSoon()\n',
          "void this.load()\n    if (this.#phase === 'loading') this.#phase = 'loaded'\n",
        ),
    ],
    [
      'stops the node when the log does not serve the partition',
      () => inPartition('if (error instanceof PartitionNotServed) this.#onNotServed()\n    else ', ''),
    ],
    ['continues when the log does not serve the partition', () => inPartition('this.#onNotServed()\n', '{}\n')],
    ['accepts an election of an older epoch', () => inRuntime('if (order < 0 || ', 'if (')],
    [
      'accepts a resignation of an older epoch',
      () => inRuntime('if (known !== undefined && compare(leadership, known.leadership) < 0) return', ''),
    ],
    [
      'keeps the state at a resignation',
      () =>
        inRuntime(
          'this.#end(known)\n    this.#slots.set(index, { leadership, partition: undefined, idle })',
          'known.idle\n    this.#slots.set(index, { leadership, partition: known?.partition, idle })',
        ),
    ],
    [
      'does not remember the epoch of a resignation',
      () => inRuntime('this.#slots.set(index, { leadership, partition: undefined, idle })', 'this.#slots.delete(index); void idle'),
    ],
  ])(
    '%s',
    async (bug, plant) => {
      const from = firstSeeds[bug] ?? 0
      const Planted = plant()
      let caught: number | undefined
      for (let seed = from; seed < from + 40 && caught === undefined; seed++) {
        try {
          await new CoordinatorWorld(seed, Planted).run(steps)
        } catch {
          caught = seed
        }
      }
      expect(caught).toBeDefined()
    },
    60_000,
  )
})
