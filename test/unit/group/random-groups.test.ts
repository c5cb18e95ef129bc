import { expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../../src/base/prng.ts'
import type { JoinResponse, SyncResponse } from '../../../src/group/messages.ts'
import { GroupWorld, sessionMs } from './group-world.ts'

/** A correct consumer, except that it crashes without LeaveGroup and skips heartbeats now and then. */
class Consumer {
  memberId = ''
  generation = -1
  readonly instanceId: string | null
  waiting: { readonly kind: 'join' | 'sync'; readonly ticket: number; readonly since: number } | undefined
  #joined: JoinResponse | undefined
  readonly #world: GroupWorld
  readonly #owners: Owners

  constructor(world: GroupWorld, owners: Owners, instanceId: string | null) {
    this.#world = world
    this.#owners = owners
    this.instanceId = instanceId
  }

  act(): void {
    if (this.waiting !== undefined) this.#hear()
    else if (this.generation < 0) this.#join()
    else this.#hearHeartbeat()
  }

  #join(): void {
    const { memberId, instanceId } = this
    const ticket = this.#world.join({ memberId, instanceId, supportsMemberIdRequired: true })
    this.waiting = { kind: 'join', ticket, since: this.#world.now }
  }

  #hear(): void {
    const { kind, ticket } = this.waiting!
    const response = this.#world.answers.get(ticket)
    if (response === undefined) return
    this.waiting = undefined
    if (kind === 'join') this.#onJoined(response as JoinResponse)
    else this.#onSynced(response as SyncResponse)
  }

  #onJoined(response: JoinResponse): void {
    if (response.error.name === 'MEMBER_ID_REQUIRED') {
      this.memberId = response.memberId
      this.#join()
    } else if (response.error.name !== 'NONE') this.#rejected(response.error.name)
    else {
      this.#owners.began(response.generation)
      this.memberId = response.memberId
      this.generation = response.generation
      this.#joined = response
      this.#sync()
    }
  }

  #sync(): void {
    const { leader, members, skipAssignment } = this.#joined!
    const assigns = leader === this.memberId && !skipAssignment
    // Every partition to one member, and to another one when the members change.
    const parts = assigns ? Object.fromEntries(members.map((member, i) => [member.memberId, `p${i} of ${this.generation}`])) : {}
    const ticket = this.#world.sync(this.memberId, this.generation, parts, { instanceId: this.instanceId })
    this.waiting = { kind: 'sync', ticket, since: this.#world.now }
  }

  #onSynced(response: SyncResponse): void {
    if (response.error.name !== 'NONE') this.#rejected(response.error.name)
    else if (response.assignment.length > 0) this.#owners.owns(response.assignment.toString(), this.instanceId ?? this.memberId)
  }

  #hearHeartbeat(): void {
    const response = this.#world.heartbeat(this.memberId, this.generation, this.instanceId)
    if (response !== 'NONE') this.#rejected(response)
  }

  #rejected(error: string): void {
    this.generation = -1
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_INSTANCE_ID') this.memberId = ''
  }
}

/** Owner of each partition in each generation. */
class Owners {
  latest = 0
  readonly #owners = new Map<string, string>()

  began(generation: number): void {
    if (generation < this.latest) throw new Error(`generation ${generation} after ${this.latest}`)
    this.latest = generation
  }

  owns(part: string, owner: string): void {
    const other = this.#owners.get(part)
    if (other !== undefined && other !== owner) throw new Error(`${part} belongs to ${other} and to ${owner}`)
    this.#owners.set(part, owner)
  }
}

const consumersMax = 6

function run(seed: number): void {
  const random: Prng = prng(seed)
  const world = new GroupWorld({ initialDelayMs: below(random, 2) * 3000 })
  const owners = new Owners()
  const consumers: Consumer[] = []
  for (let step = 0; step < 400; step++) {
    if (consumers.length < consumersMax && chance(random, 60)) {
      consumers.push(new Consumer(world, owners, chance(random, 300) ? `static-${step}` : null))
    }
    if (consumers.length > 0 && chance(random, 15)) consumers.splice(below(random, consumers.length), 1)
    if (consumers.length > 0 && chance(random, 15)) {
      const [left] = consumers.splice(below(random, consumers.length), 1)
      if (left!.memberId !== '' && left!.waiting === undefined) world.leave(left!.memberId)
    }
    if (consumers.length > 0 && chance(random, 15)) {
      // The same instance restarts without its member id.
      const at = below(random, consumers.length)
      if (consumers[at]!.instanceId !== null) consumers[at] = new Consumer(world, owners, consumers[at]!.instanceId)
    }
    for (const consumer of consumers) if (chance(random, 700)) consumer.act()
    world.pass(below(random, 1500))
  }
  settle(world, consumers)
}

/** When membership no longer changes, all members are in one generation, and none waits. */
function settle(world: GroupWorld, consumers: readonly Consumer[]): void {
  for (let step = 0; step < 200; step++) {
    for (const consumer of consumers) consumer.act()
    world.pass(sessionMs / 10)
  }
  const { state, members } = world.describe()
  expect(state).toBe(consumers.length === 0 ? 'Empty' : 'Stable')
  expect(members.map(({ memberId }) => memberId).sort()).toEqual(consumers.map(({ memberId }) => memberId).sort())
  expect(consumers.map(({ generation, waiting }) => [generation, waiting])).toEqual(consumers.map(() => [world.generation, undefined]))
}

test('classic groups: members that join, crash, leave and return never share a partition in a generation, and the group becomes stable', () => {
  for (let seed = 0; seed < 150; seed++) {
    try {
      run(seed)
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
})
