import { describe, expect, test } from 'vitest'
import { seedGroups } from '../support/groups.ts'
import { moduleWith } from '../support/mutant.ts'
import { GroupCommitWorld, type Machines } from './group-commit-world.ts'

const firstSeed = Number(process.env['SEED'] ?? 0)
const seedCount = Number(process.env['SEEDS'] ?? 40)
const appends = 1200

test.each(seedGroups(firstSeed, seedCount, 10))(
  'group commit of an S3 WAL: each wait ends with an event, and puts are within their budget (seeds from %i)',
  async (...seeds) => {
    for (const seed of seeds) {
      await new GroupCommitWorld(seed).run(appends).catch((error: Error) => {
        throw new Error(`${error.message} (again with SEED=${seed} SEEDS=1)`, { cause: error })
      })
    }
  },
)

test('group commit of an S3 WAL: histories contain every event', async () => {
  const sums: Record<string, number> = {}
  for (let seed = 0; seed < 5; seed++) {
    const { figures } = await new GroupCommitWorld(seed).run(appends)
    for (const [figure, count] of Object.entries(figures)) sums[figure] = (sums[figure] ?? 0) + count
  }
  for (const [figure, sum] of Object.entries(sums)) expect(sum, figure).toBeGreaterThan(0)
})

const stage = (from: string, to: string): Promise<Partial<Machines>> =>
  moduleWith('src/pipeline/persistence/s3-persistence.ts', {}, { from, to })
const budget = (from: string, to: string): Promise<Partial<Machines>> => moduleWith('src/wal/s3/put-budget.ts', {}, { from, to })

/** Planted bugs verify that the simulation detects errors. */
describe('group commit of an S3 WAL: some seed catches a machine that', () => {
  test.each<readonly [string, RegExp, () => Promise<Partial<Machines>>]>([
    ['starts one timer and no other', /has a timer/, () => stage('this.#isTimed = false\n      this.turn()', 'this.turn()')],
    [
      'has a timer only for published records',
      /has a timer/,
      () => stage('if (waitMs > 0) this', 'if (waitMs > 0 && this.#published() > this.#sent) this'),
    ],
    [
      'reads the clock once for the objects and once for the timer',
      /while a group can leave/,
      () => stage('if (waitMs > 0) this.#awaitToken(waitMs)', 'if (budget.waitMs > 0) this.#awaitToken(budget.waitMs)'),
    ],
    ['does nothing at the end of a put', /while a group can leave/, () => stage('narrow(end))\n    this.turn()', 'narrow(end))')],
    ['does not wake the sequencer', /while a group can leave/, () => stage('idle === 1) signals[0]!.ring()', 'idle === 1) return')],
    ['takes a token for a trim without a timer', /a token/, () => stage('this.#append(0)\n    this.turn()', 'this.#append(0)')],
    ['is idle while all uploads are in progress', /all uploads/, () => stage('waitMs === 0 && this.#uploads <', 'waitMs === 0 && 0 <')],
    ['waits with a whole object', /a whole object/, () => stage('waiting >= batchBytesMax || ', '')],
    ['takes no tokens', /within the budget/, () => stage('bytes < toLapEnd) budget.take()', 'bytes < toLapEnd) {}')],
    ['has a bucket that a put fills', /within the budget/, () => budget('Math.max(this.#fullAt, now) + this', 'now + this')],
  ])('%s', async (_, rule, machines) => {
    const planted = await machines()
    const problems: string[] = []
    for (let seed = 0; seed < 20 && problems.length === 0; seed++)
      await new GroupCommitWorld(seed, planted).run(appends).catch((error: Error) => problems.push(error.message))
    expect(problems.join()).toMatch(rule)
  })
})
