import { expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../../src/base/prng.ts'
import type { ConsumerHeartbeatResponse, TopicPartitions } from '../../../src/group/messages.ts'
import { seedGroups } from '../../support/groups.ts'
import { longIf } from '../../support/long.ts'
import { consumerLimits, GroupWorld, idOf, limits, nameOf, sessionMs } from './group-world.ts'

const topics = ['t', 'u', 'v']
const subscriptions = [['t'], ['t', 'u'], ['u', 'v', 'missing'], ['t', 'u', 'v']]

/** Current reader of each partition: a member may not start to read a partition before the previous reader has stopped. */
class Readers {
  readonly #readers = new Map<string, Consumer>()

  begin(part: string, consumer: Consumer): void {
    const other = this.#readers.get(part)
    if (other !== undefined && other !== consumer) throw new Error(`${part} is read by ${other.memberId} and by ${consumer.memberId}`)
    this.#readers.set(part, consumer)
  }

  end(part: string, consumer: Consumer): void {
    if (this.#readers.get(part) === consumer) this.#readers.delete(part)
  }
}

/** A correct consumer. Responses may be lost, and it may delay a revocation. */
class Consumer {
  readonly memberId: string
  readonly instanceId: string | null
  epoch = 0
  topics: readonly string[]
  readonly parts = new Set<string>()
  #wanted: ReadonlySet<string> = new Set()
  /** It has lost a response: the next heartbeat contains and returns the full state. */
  #isUnsure = false
  readonly #world: GroupWorld
  readonly #readers: Readers

  constructor(world: GroupWorld, readers: Readers, memberId: string, instanceId: string | null, subscribed: readonly string[]) {
    this.#world = world
    this.#readers = readers
    this.memberId = memberId
    this.instanceId = instanceId
    this.topics = subscribed
  }

  beat(isLost: boolean): void {
    const { epoch, instanceId, memberId } = this
    const all = this.#isUnsure || epoch === 0 ? { rebalanceTimeoutMs: 10 * sessionMs, topics: this.topics } : {}
    const response = this.#world.beat(memberId, epoch, { instanceId, ...all, owned: this.#owned() })
    this.#isUnsure = isLost
    if (!isLost) this.#hear(response)
  }

  subscribe(subscribed: readonly string[]): void {
    this.topics = subscribed
    this.#hear(this.#world.beat(this.memberId, this.epoch, { instanceId: this.instanceId, topics: subscribed, owned: this.#owned() }))
  }

  /** Stops reading revoked partitions, and starts the new ones. */
  follow(): void {
    for (const part of [...this.parts]) if (!this.#wanted.has(part)) this.#drop(part)
    for (const part of this.#wanted) {
      this.#readers.begin(part, this)
      this.parts.add(part)
    }
  }

  stop(): void {
    for (const part of [...this.parts]) this.#drop(part)
    this.#wanted = new Set()
  }

  get isDone(): boolean {
    return this.#wanted.size === this.parts.size && [...this.#wanted].every((part) => this.parts.has(part))
  }

  #drop(part: string): void {
    this.#readers.end(part, this)
    this.parts.delete(part)
  }

  #owned(): TopicPartitions[] {
    return topics.flatMap((topic) => {
      const parts = [...this.parts].filter((part) => part.startsWith(`${topic}-`))
      return parts.length === 0 ? [] : [{ topicId: idOf(topic), partitions: parts.map((part) => Number(part.slice(topic.length + 1))) }]
    })
  }

  #hear({ error, memberEpoch, assignment }: ConsumerHeartbeatResponse): void {
    switch (error.name) {
      case 'NONE':
        this.epoch = memberEpoch
        if (assignment !== null) {
          this.#wanted = new Set(
            assignment.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${nameOf(topicId)}-${partition}`)),
          )
        }
        return
      case 'FENCED_MEMBER_EPOCH':
      case 'UNKNOWN_MEMBER_ID':
      case 'UNRELEASED_INSTANCE_ID':
      case 'FENCED_INSTANCE_ID':
        this.stop()
        this.epoch = 0
        return
      default:
        throw new Error(`${this.memberId}@${this.epoch}: ${error.name}`)
    }
  }
}

const membersMax = 6

function run(seed: number): void {
  const random: Prng = prng(seed)
  const world = new GroupWorld({
    assignors: chance(random, 500) ? limits.assignors : [...limits.assignors].reverse(),
    consumer: () => ({ ...consumerLimits, assignmentIntervalMs: below(random, 2) * 1000 }),
  })
  for (const topic of topics) world.topic(topic, 1 + below(random, 8))
  const readers = new Readers()
  let members: Consumer[] = []
  for (let step = 0; step < 400; step++) {
    const any = (): Consumer | undefined => members[below(random, Math.max(1, members.length))]
    if (members.length < membersMax && chance(random, 60)) {
      const instanceId = chance(random, 300) ? `i${step}` : null
      members.push(new Consumer(world, readers, `m${step}`, instanceId, subscriptions[below(random, subscriptions.length)]!))
    }
    for (const member of members) {
      if (chance(random, 600)) member.beat(chance(random, 100))
      if (chance(random, 500)) member.follow()
    }
    if (chance(random, 20)) members = leave(world, members, any(), chance(random, 500))
    if (chance(random, 20)) die(members, any())
    if (chance(random, 20)) changeItsMind(any(), subscriptions[below(random, subscriptions.length)]!)
    if (chance(random, 10)) grow(world, topics[below(random, topics.length)]!)
    if (chance(random, 5)) world.restart()
    world.pass(below(random, 3000))
  }
  settle(world, members)
}

const grow = (world: GroupWorld, topic: string): void => world.topic(topic, world.topics.get(topic)! + 1)

function leave(world: GroupWorld, members: Consumer[], member: Consumer | undefined, forAWhile: boolean): Consumer[] {
  if (member === undefined || member.epoch === 0) return members
  member.stop()
  world.beat(member.memberId, forAWhile && member.instanceId !== null ? -2 : -1, { instanceId: member.instanceId })
  return members.filter((each) => each !== member)
}

function changeItsMind(member: Consumer | undefined, subscribed: readonly string[]): void {
  if (member !== undefined && member.epoch > 0) member.subscribe(subscribed)
}

/** It stops reading, without a notification of the coordinator. */
function die(members: Consumer[], member: Consumer | undefined): void {
  if (member === undefined) return
  member.stop()
  members.splice(members.indexOf(member), 1)
}

/** When membership no longer changes, every partition of every topic with a subscriber has a reader, and the group is stable. */
function settle(world: GroupWorld, members: readonly Consumer[]): void {
  for (let step = 0; step < 60; step++) {
    for (const member of members) {
      member.beat(false)
      member.follow()
    }
    world.pass(consumerLimits.sessionTimeoutMs / 20)
  }
  const { state, members: described } = world.run({ type: 'describeConsumer', groupId: 'g' })
  if (members.length === 0) {
    expect(['', 'Empty']).toContain(state)
    return
  }
  expect(state).toBe('Stable')
  expect(described.map(({ memberId }) => memberId).sort()).toEqual(members.map(({ memberId }) => memberId).sort())
  expect(members.every(({ isDone }) => isDone)).toBe(true)
  const read = new Set(members.flatMap((member) => member.topics))
  const all = topics
    .filter((topic) => read.has(topic))
    .flatMap((topic) => Array.from({ length: world.topics.get(topic)! }, (_, i) => `${topic}-${i}`))
  expect(members.flatMap(({ parts }) => [...parts]).sort()).toEqual(all.sort())
}

for (const [group, seeds] of seedGroups(0, 50, 10).entries()) {
  test(
    `consumer groups: consumers that join, leave, crash, lose responses and change subscriptions never share a partition, and all partitions have a reader in the end (seeds from ${seeds[0]})`,
    longIf(group >= 2),
    () => {
      for (const seed of seeds) {
        try {
          run(seed)
        } catch (error) {
          throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
        }
      }
    },
  )
}
