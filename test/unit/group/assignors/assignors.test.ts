import { expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../../../src/base/prng.ts'
import type { Assign, Assignee } from '../../../../src/group/assignors/assignor.ts'
import { assignorNamed } from '../../../../src/group/assignors/assignors.ts'
import type { Partitions } from '../../../../src/group/partitions.ts'

const counts: Readonly<Record<string, number>> = { a: 4, b: 2, c: 3, d: 40 }
const countOf = (topicId: string): number => counts[topicId]!

const member = (memberId: string, topics: string, target: Partitions = new Map(), instanceId: string | null = null): Assignee => ({
  memberId,
  instanceId,
  subscribed: new Set(topics),
  target,
})

const shown = (targets: ReadonlyMap<string, Partitions>): Record<string, string> =>
  Object.fromEntries(
    Array.from(targets, ([id, target]) => [
      id,
      Array.from(target, ([topic, each]) => `${topic}:${[...each].join()}`)
        .sort()
        .join(' '),
    ]),
  )

const uniform = assignorNamed('uniform')
const range = assignorNamed('range')

test('assignors: range divides each topic into consecutive ranges, larger ones for the first members, static members first', () => {
  const members = [member('m1', 'abc'), member('m2', 'abc'), member('z', 'c', undefined, 'i')]
  expect(shown(range(members, countOf))).toEqual({ m1: 'a:0,1 b:0 c:1', m2: 'a:2,3 b:1 c:2', z: 'c:0' })
})

test('assignors: uniform moves as few partitions as possible, from members with more to members with fewer', () => {
  const one = uniform([member('m1', 'a')], countOf)
  const two = uniform([member('m1', 'a', one.get('m1')), member('m2', 'a')], countOf)
  expect(shown(two)).toEqual({ m1: 'a:0,1', m2: 'a:2,3' })
  const three = uniform([member('m1', 'a', two.get('m1')), member('m2', 'a', two.get('m2')), member('m3', 'a')], countOf)
  expect(shown(three)).toEqual({ m1: 'a:0,1', m2: 'a:2', m3: 'a:3' })
})

test('assignors: uniform moves no partition when a member joins and there are fewer partitions than members, in any order of members', () => {
  const one = new Map([['b', new Set([0, 1])]])
  for (const owners of [
    ['m1', 'm2'],
    ['m2', 'm3'],
    ['m1', 'm3'],
  ]) {
    const before = uniform(
      owners.map((id) => member(id, 'b', new Map())),
      countOf,
    )
    const members = ['m1', 'm2', 'm3'].map((id) => member(id, 'b', before.get(id)))
    const idle = ['m1', 'm2', 'm3'].find((id) => !owners.includes(id))!
    expect(shown(uniform(members, countOf))).toEqual({ ...shown(before), [idle]: '' })
  }
  const alone = [member('m1', 'b'), member('m2', 'b', one)]
  expect(shown(uniform(alone, countOf))).toEqual({ m1: 'b:1', m2: 'b:0' })
})

test('assignors: uniform balances members that read different topics as far as their topics allow', () => {
  const both = new Map([
    ['a', new Set([0, 1, 2, 3])],
    ['b', new Set([0, 1])],
  ])
  expect(shown(uniform([member('m1', 'ab', both), member('m2', 'b')], countOf))).toEqual({ m1: 'a:0,1,2,3', m2: 'b:0,1' })
})

/** Every partition of a topic with at least one reader goes to one member that reads it. */
function check(assign: Assign, members: readonly Assignee[]): ReadonlyMap<string, Partitions> {
  const targets = assign(members, countOf)
  const owned: string[] = []
  for (const { memberId, subscribed } of members) {
    for (const [topicId, partitions] of targets.get(memberId)!) {
      if (!subscribed.has(topicId)) throw new Error(`${memberId} does not read ${topicId}`)
      for (const partition of partitions) owned.push(`${topicId}-${partition}`)
    }
  }
  const read = Object.keys(counts).filter((topicId) => members.some(({ subscribed }) => subscribed.has(topicId)))
  const all = read.flatMap((topicId) => Array.from({ length: countOf(topicId) }, (_, partition) => `${topicId}-${partition}`))
  if (owned.sort().join() !== all.sort().join()) throw new Error(`assigned ${owned.join()}`)
  return targets
}

const loadOf = (target: Partitions): number => [...target].reduce((sum, [, each]) => sum + each.size, 0)

function round(random: Prng, members: readonly Assignee[], isMixed: boolean): Assignee[] {
  check(range, members)
  const targets = check(uniform, members)
  const again = members.map((each) => ({ ...each, target: targets.get(each.memberId)! }))
  // A member with a full share keeps it.
  if (JSON.stringify(shown(check(uniform, again))) !== JSON.stringify(shown(targets))) throw new Error('it moves without a reason')
  const loads = again.map(({ target }) => loadOf(target))
  if (!isMixed && Math.max(...loads) - Math.min(...loads) > 1) throw new Error(`loads ${loads.join()}`)
  return again.filter(() => chance(random, 800))
}

test('assignors: each partition has one reader, equal readers differ by one at most, and nothing moves without a reason', () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = prng(seed)
    const isMixed = chance(random, 500)
    const topicsOf = (): string => (isMixed ? [...'abcd'].filter(() => chance(random, 600)).join('') : 'abcd')
    let members = Array.from({ length: 1 + below(random, 7) }, (_, index) => member(`m${index}`, topicsOf()))
    try {
      for (let i = 0; i < 4; i++) {
        members = round(random, members, isMixed)
        if (members.length === 0 || chance(random, 500)) members.push(member(`n${i}`, topicsOf()))
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
})
