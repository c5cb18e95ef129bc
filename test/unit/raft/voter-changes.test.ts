import { describe, expect, test } from 'vitest'
import type { RaftResponse, VoterChangeRequest } from '../../../src/raft/messages.ts'
import { votersOf } from '../../../src/raft/state.ts'
import { batch, type Effect, Replica, records, sends } from './replica.ts'
import { voterOf } from './scripted-cluster.ts'

const ids = (replica: Replica): number[] => votersOf(replica.state).map(({ id }) => id)
const add = (id: number, ackWhenCommitted = true): VoterChangeRequest => ({ type: 'addVoter', voter: voterOf(id, 'a'), ackWhenCommitted })
const remove = (id: number, directory = 'a'): VoterChangeRequest => ({ type: 'removeVoter', voter: { id, directory } })

/** The answer to a change, if it is sent at once. */
function change(replica: Replica, request: VoterChangeRequest): RaftResponse | undefined {
  return replica.rpc(request)
}

/** Starts to add voter 4; its request for versions. */
function adding(replica: Replica, request = add(4)): Effect<'send'> {
  const [sent] = sends(replica.step({ type: 'changeVoters', token: 50, request }), 4)
  return sent!
}

const versions = (min: number, max: number): RaftResponse => ({ type: 'apiVersions', kraftVersions: [min, max] })
const answerTo50 = expect.objectContaining({ type: 'answer', token: 50 })
const caughtUp = (replica: Replica): void => {
  replica.fetch({ offset: replica.state.log.end, lastEpoch: 1, replica: { id: 4, directory: 'a' } })
}

describe('raft voter changes', () => {
  test('a voter is added when it supports the version and has caught up; the set is in force at once', () => {
    const replica = new Replica().lead()
    caughtUp(replica)
    const sent = adding(replica)
    expect(sent).toMatchObject({ request: { type: 'apiVersions' }, endpoints: [{ host: 'node-4' }] })
    replica.reply(sent, versions(0, 1))
    expect(ids(replica)).toEqual([1, 2, 3, 4])
    replica.fetch({ offset: 4, lastEpoch: 1 })
    expect(replica.state.highWatermark).toBe(3)
    const effects = replica.step({
      ...{ type: 'rpc', token: 60 },
      request: { type: 'fetch', epoch: 1, replica: { id: 4, directory: 'a' }, offset: 4, lastEpoch: 1, highWatermark: 3, maxWaitMs: 0 },
    })
    expect(replica.state.highWatermark).toBe(4)
    expect(effects).toContainEqual(
      expect.objectContaining({ type: 'answer', token: 50, response: expect.objectContaining({ error: 'NONE' }) }),
    )
  })

  test('the response to a change is sent when it is appended, if this was requested', () => {
    const replica = new Replica().lead()
    caughtUp(replica)
    expect(replica.reply(adding(replica, add(4, false)), versions(0, 1))).toContainEqual(answerTo50)
  })

  test.each([
    ['does not support the version', versions(0, 0), true, 'INVALID_REQUEST'],
    ['does not answer', undefined, true, 'REQUEST_TIMED_OUT'],
    ['has not caught up', versions(0, 1), false, 'REQUEST_TIMED_OUT'],
  ])('a node that %s is not added', (_, response, isCaughtUp, error) => {
    const replica = new Replica().lead()
    if (isCaughtUp) caughtUp(replica)
    const effects = replica.reply(adding(replica), response)
    expect(effects).toContainEqual(expect.objectContaining({ token: 50, response: expect.objectContaining({ error }) }))
    expect(ids(replica)).toEqual([1, 2, 3])
  })

  test('a node that caught up more than an hour ago is not added', () => {
    const replica = new Replica({ settings: { fetchTimeoutMs: 10_000_000, fetchMaxWaitMs: 500 } }).lead()
    caughtUp(replica)
    replica.pass(3_600_001)
    replica.reply(adding(replica), versions(0, 1))
    expect(ids(replica)).toEqual([1, 2, 3])
  })

  test.each([
    ['a voter with an id that is there', add(2), 'DUPLICATE_VOTER'],
    ['a voter with an id that is there on another disk', { ...add(2), voter: voterOf(2, 'b') } as VoterChangeRequest, 'DUPLICATE_VOTER'],
    ['a voter without a directory', { ...add(4), voter: voterOf(4, '') } as VoterChangeRequest, 'INVALID_REQUEST'],
    ['a removal of an id that is not there', remove(9), 'VOTER_NOT_FOUND'],
    ['a removal of another disk', remove(2, 'b'), 'VOTER_NOT_FOUND'],
    ['an update of a node that is no voter', { type: 'updateVoter', epoch: 1, voter: voterOf(9, 'a') } as const, 'VOTER_NOT_FOUND'],
    ['an update of an older epoch', { type: 'updateVoter', epoch: 0, voter: voterOf(2, 'a') } as const, 'FENCED_LEADER_EPOCH'],
  ])('%s is rejected', (_, request, error) => {
    const replica = new Replica().lead()
    expect(change(replica, request)).toMatchObject({ error })
    expect(replica.state.log.end).toBe(3)
  })

  test('the last voter is not removed', () => {
    const replica = new Replica({ voters: [voterOf(1, 'a')] })
    expect(change(replica, remove(1))).toMatchObject({ error: 'INVALID_REQUEST' })
  })

  test('a change waits for the one before, and for the epoch to be committed', () => {
    const replica = new Replica().lead()
    replica.step({ type: 'changeVoters', token: 50, request: remove(3) })
    expect(ids(replica)).toEqual([1, 2])
    expect(change(replica, remove(2))).toMatchObject({ error: 'REQUEST_TIMED_OUT' })
    replica.fetch({ offset: 4, lastEpoch: 1 })
    expect(change(replica, remove(2))).toMatchObject({ error: 'NONE' })
    expect(ids(replica)).toEqual([1])
    const fresh = new Replica({ vote: { epoch: 3, voted: undefined }, batches: [batch(0, 3, 3)] })
    expect(change(fresh, remove(2))).toMatchObject({ error: 'NOT_LEADER_OR_FOLLOWER' })
  })

  test('a change that is not committed in time is answered, and stays in the log', () => {
    const replica = new Replica().lead()
    replica.step({ type: 'changeVoters', token: 50, request: remove(3) })
    const effects = replica.pass(2000)
    expect(effects).toContainEqual(
      expect.objectContaining({ token: 50, response: expect.objectContaining({ error: 'REQUEST_TIMED_OUT' }) }),
    )
    expect(ids(replica)).toEqual([1, 2])
  })

  test('an update changes endpoints, and is answered before it is committed', () => {
    const replica = new Replica().lead()
    const voter = { ...voterOf(2, 'a'), endpoints: [{ listener: 'CONTROLLER', host: 'moved', port: 1 }] }
    expect(change(replica, { type: 'updateVoter', epoch: 1, voter })).toMatchObject({ error: 'NONE' })
    expect(votersOf(replica.state)[1]).toMatchObject({ endpoints: [{ host: 'moved' }] })
    expect(replica.state.highWatermark).toBe(3)
  })

  test('a leader that removed itself does not count itself, and resigns when this is committed', () => {
    const replica = new Replica().lead()
    replica.step({ type: 'changeVoters', token: 50, request: remove(1) })
    replica.fetch({ offset: 4, lastEpoch: 1 })
    expect(replica.state).toMatchObject({ highWatermark: 3, role: { type: 'leader' } })
    replica.fetch({ offset: 4, lastEpoch: 1, replica: { id: 3, directory: 'a' } })
    expect(replica.state).toMatchObject({ highWatermark: 4, role: { type: 'resigned' } })
    replica.timeout()
    expect(replica.state).toMatchObject({ epoch: 2, role: { type: 'unattached' } })
    replica.pass(100_000)
    expect(replica.state.role.type).toBe('unattached')
  })

  test('a voter whose removal may not be committed is still a candidate', () => {
    const control = (list: readonly number[]) => [{ type: 'voters', voters: list.map((id) => voterOf(id, 'a')) }] as const
    const batches = [batch(0, 1, 1, control([1, 2])), batch(1, 2, 1, control([2]))]
    const replica = new Replica({ vote: { epoch: 1, voted: undefined }, batches })
    const [sent] = sends(replica.timeout(), 2)
    expect(replica.state.role.type).toBe('prospective')
    expect(sent!.request).toMatchObject({ type: 'vote', isPreVote: true })
  })

  test('static voters match by id until all of them have fetched with their directories', () => {
    const replica = new Replica({ voters: [1, 2, 3].map((id) => voterOf(id, '')), kraftVersion: 0 }).lead()
    expect(replica.state).toMatchObject({ highWatermark: 1, log: { end: 1 } })
    expect(change(replica, remove(3))).toMatchObject({ error: 'UNSUPPORTED_VERSION' })
    replica.fetch({ offset: 1, lastEpoch: 1, replica: { id: 3, directory: 'x' } })
    expect(votersOf(replica.state).map(({ directory }) => directory)).toEqual(['a', 'a', 'x'])
    expect(replica.state.voterHistory.last.kraftVersion).toBe(1)
  })

  /** A node that follows replica 2 and has its voter set. */
  const following = (me: ReturnType<typeof voterOf>, isAutoJoin: boolean, voters = [1, 2, 3].map((id) => voterOf(id, 'a'))): Replica => {
    const replica = new Replica({ me, voters: [], settings: { isAutoJoin } })
    const begin = { type: 'beginQuorumEpoch', epoch: 2, leader: 2, voter: me, endpoints: [] } as const
    const [first] = sends(replica.step({ type: 'rpc', token: 1, request: begin }), 2)
    const set = batch(0, 2, 2, [
      { type: 'kraftVersion', version: 1 },
      { type: 'voters', voters },
    ])
    replica.reply(first!, records(2, [set], 2))
    return replica
  }

  /** Its first request about its own entry, within a few fetch timeouts. */
  function ownRequest(replica: Replica) {
    let effects = replica.step({ type: 'reply', to: 2, correlation: replica.state.correlation, response: records(2, [], 2) })
    for (let i = 0; i < 8; i++) {
      const sent = sends(effects, 2)
      const own = sent.find(({ request }) => request.type !== 'fetch')
      if (own !== undefined) return own.request
      effects = replica.pass(400)
      for (const fetch of sent) effects.push(...replica.reply(fetch, records(2, [], 2)))
    }
    return undefined
  }

  test('with auto-join an observer removes the voter with its id on another disk, then adds itself', () => {
    expect(ownRequest(following(voterOf(3, 'b'), true))).toEqual({ type: 'removeVoter', voter: { id: 3, directory: 'a' } })
    expect(ownRequest(following(voterOf(4, 'a'), true))).toMatchObject({ type: 'addVoter', voter: { id: 4, directory: 'a' } })
    expect(ownRequest(following(voterOf(4, 'a'), false))).toBeUndefined()
  })

  test('a voter whose endpoints have changed requests an update', () => {
    const me = { ...voterOf(3, 'a'), endpoints: [{ listener: 'CONTROLLER', host: 'moved', port: 1 }] }
    expect(ownRequest(following(me, false))).toMatchObject({ type: 'updateVoter', epoch: 2, voter: { endpoints: [{ host: 'moved' }] } })
    expect(ownRequest(following(voterOf(3, 'a'), false))).toBeUndefined()
  })

  test('an observer is listed for five minutes', () => {
    const replica = new Replica({ settings: { fetchTimeoutMs: 10_000_000 } }).lead()
    caughtUp(replica)
    const isListed = (): boolean => replica.state.role.type === 'leader' && replica.state.role.replicas.has(4)
    replica.pass(299_000)
    expect(isListed()).toBe(true)
    replica.pass(310_000)
    expect(isListed()).toBe(false)
  })
})
