import { describe, expect, test } from 'vitest'
import { batch, fetchOf, Replica, records, sends, typesOf } from './replica.ts'
import { voterOf } from './scripted-cluster.ts'

const at3 = { epoch: 3, voted: undefined }

describe('raft replication', () => {
  test('a leader begins its epoch with a leader change, and the first one with the voters', () => {
    const replica = new Replica()
    replica.lead()
    expect(replica.state.log.end).toBe(3)
    expect(replica.state.voterHistory.last).toMatchObject({ offset: 0, kraftVersion: 1 })
    const later = new Replica({
      vote: at3,
      batches: [batch(0, 3, 3, [{ type: 'voters', voters: [1, 2, 3].map((id) => voterOf(id, 'a')) }])],
    })
    later.lead()
    expect(later.state.log.end).toBe(4)
  })

  test('a leader corrects its own endpoints', () => {
    const me = { ...voterOf(1, 'a'), endpoints: [{ listener: 'CONTROLLER', host: 'moved', port: 1 }] }
    const voters = [1, 2, 3].map((id) => voterOf(id, 'a'))
    const replica = new Replica({ me, vote: at3, batches: [batch(0, 3, 3, [{ type: 'voters', voters }])] }).lead()
    expect(replica.state.voterHistory.last.voters[0]).toMatchObject({ id: 1, endpoints: [{ host: 'moved' }] })
  })

  test('a fetch acknowledges what is below its offset', () => {
    const replica = new Replica().lead()
    replica.step({ type: 'propose', token: 7, epoch: 1, batches: [{ count: 2, bytes: 10, payload: undefined }] })
    expect(replica.state.highWatermark).toBe(3)
    replica.fetch({ offset: 5, lastEpoch: 1 })
    expect(replica.state.highWatermark).toBe(5)
  })

  test('the log of the leader counts up to its durable end', () => {
    const replica = new Replica().lead()
    replica.isDiskSlow = true
    replica.step({ type: 'propose', token: 7, epoch: 1, batches: [{ count: 2, bytes: 10, payload: undefined }] })
    replica.fetch({ offset: 5, lastEpoch: 1 })
    expect(replica.state.highWatermark).toBe(3)
    const effects = replica.step({ type: 'persisted', ticket: replica.state.ticket })
    expect(effects).toContainEqual({ type: 'committed', upTo: 5 })
  })

  test('two followers commit what the leader has not durable', () => {
    const replica = new Replica().lead()
    replica.isDiskSlow = true
    replica.step({ type: 'propose', token: 7, epoch: 1, batches: [{ count: 1, bytes: 10, payload: undefined }] })
    replica.fetch({ offset: 4, lastEpoch: 1 })
    replica.fetch({ offset: 4, lastEpoch: 1, replica: { id: 3, directory: 'a' } })
    expect(replica.state.highWatermark).toBe(4)
  })

  test('records of an earlier epoch are committed with one of the own epoch', () => {
    const replica = new Replica({ vote: at3, batches: [batch(0, 5, 3)] })
    const { state } = replica
    const [preVote] = sends(replica.timeout(), 2)
    const base = { type: 'vote', error: 'NONE', leader: -1, endpoints: [], isGranted: true } as const
    const [vote] = sends(replica.reply(preVote!, { ...base, epoch: 3 }), 2)
    replica.reply(vote!, { ...base, epoch: 4 })
    expect(state.role.type).toBe('leader')
    replica.fetch({ offset: 5, lastEpoch: 3 })
    expect(state.highWatermark).toBe(0)
    replica.fetch({ offset: state.log.end, lastEpoch: 4 })
    expect(state.highWatermark).toBe(state.log.end)
  })

  test('the high watermark of the leader never decreases', () => {
    const replica = new Replica().lead()
    replica.fetch({ offset: 0, lastEpoch: 0 })
    expect(replica.state.highWatermark).toBe(3)
  })

  test('observers and replicas on other disks are not counted', () => {
    const replica = new Replica().lead()
    replica.step({ type: 'propose', token: 7, epoch: 1, batches: [{ count: 1, bytes: 10, payload: undefined }] })
    replica.fetch({ offset: 4, lastEpoch: 1, replica: { id: 4, directory: 'a' } })
    replica.fetch({ offset: 4, lastEpoch: 1, replica: { id: 2, directory: 'b' } })
    expect(replica.state.highWatermark).toBe(3)
  })

  test('a fetch waits for records or for a high watermark, at most for its time', () => {
    const replica = new Replica().lead()
    expect(replica.fetch({ offset: 3, lastEpoch: 1, highWatermark: 2 })).toMatchObject({ highWatermark: 3 })
    expect(replica.fetch({ offset: 3, lastEpoch: 1, highWatermark: 3 })).toBeUndefined()
    const effects = replica.step({ type: 'propose', token: 7, epoch: 1, batches: [{ count: 1, bytes: 10, payload: undefined }] })
    expect(effects.find(({ type }) => type === 'answer')).toMatchObject({ attachment: { type: 'batches', from: 3, to: 4 } })
    expect(replica.fetch({ offset: 4, lastEpoch: 1, highWatermark: 4 })).toBeUndefined()
    expect(typesOf(replica.pass(499))).not.toContain('answer')
    expect(typesOf(replica.pass(1))).toContain('answer')
  })

  test('a repeated fetch answers the one that waits', () => {
    const replica = new Replica().lead()
    replica.step({ type: 'rpc', token: 1, request: fetchOf(replica.state, { offset: 3, lastEpoch: 1, highWatermark: 3 }) })
    const effects = replica.step({ type: 'rpc', token: 2, request: fetchOf(replica.state, { offset: 3, lastEpoch: 1, highWatermark: 3 }) })
    expect(effects).toMatchObject([{ type: 'answer', token: 1 }])
  })

  test.each([
    ['an older epoch', { epoch: 0 }, 'FENCED_LEADER_EPOCH'],
    ['a later epoch', { epoch: 9 }, 'UNKNOWN_LEADER_EPOCH'],
  ])('a fetch of %s is rejected', (_, parts, error) => {
    expect(new Replica().lead().fetch(parts)).toMatchObject({ error, epoch: 1, leader: 1 })
  })

  test('a fetch with a negative offset is rejected, and one without an id is served without progress', () => {
    const replica = new Replica().lead()
    expect(replica.fetch({ offset: -1 })).toMatchObject({ error: 'INVALID_REQUEST' })
    expect(replica.fetch({ offset: 0, lastEpoch: -1 })).toMatchObject({ error: 'INVALID_REQUEST' })
    expect(replica.fetch({ offset: 3, lastEpoch: 1, highWatermark: 3, replica: { id: -1, directory: '' } })).toMatchObject({
      error: 'NONE',
    })
    expect(replica.state.role).toMatchObject({ parkedCount: 0 })
  })

  test('a follower names its leader in place of records', () => {
    const replica = new Replica()
    replica.follow(2)
    expect(replica.fetch({})).toMatchObject({ error: 'NOT_LEADER_OR_FOLLOWER', leader: 2, epoch: 2 })
  })

  test('a leader reports where a log diverges', () => {
    const replica = new Replica({ vote: at3, batches: [batch(0, 5, 1), batch(5, 8, 3)] }).lead()
    expect(replica.fetch({ offset: 9, lastEpoch: 2 })).toMatchObject({ diverging: { epoch: 1, offset: 5 } })
    expect(replica.fetch({ offset: 9, lastEpoch: 3 })).toMatchObject({ diverging: { epoch: 3, offset: 8 } })
    expect(replica.fetch({ offset: 7, lastEpoch: 1 })).toMatchObject({ diverging: { epoch: 1, offset: 5 } })
    expect(replica.fetch({ offset: 5, lastEpoch: 1 })).toMatchObject({ diverging: undefined })
  })

  test('a diverging fetch is no acknowledgement', () => {
    const replica = new Replica({ vote: at3, batches: [batch(0, 5, 1), batch(5, 8, 3)] }).lead()
    replica.step({ type: 'propose', token: 7, epoch: 4, batches: [{ count: 1, bytes: 10, payload: undefined }] })
    replica.fetch({ offset: 12, lastEpoch: 2 })
    expect(replica.state.highWatermark).toBe(11)
  })
})

describe('raft followers', () => {
  test('a fetch is sent when the log is durable', () => {
    const replica = new Replica()
    const sent = replica.follow(2, [batch(0, 3, 2)])
    expect(sent.request).toMatchObject({ type: 'fetch', offset: 3, lastEpoch: 2 })
    replica.isDiskSlow = true
    const effects = replica.reply(sent, records(2, [batch(3, 5, 2)], 3))
    expect(typesOf(effects)).toEqual(['persist', 'committed'])
    const [next] = sends(replica.step({ type: 'persisted', ticket: replica.state.ticket }), 2)
    expect(next!.request).toMatchObject({ offset: 5 })
  })

  test('the high watermark is at most the end of the own log', () => {
    const replica = new Replica()
    replica.follow(2, [batch(0, 3, 2)], 99)
    expect(replica.state.highWatermark).toBe(3)
  })

  test('a diverging log is truncated to the end of the epoch in the log that has less of it', () => {
    const batches = [batch(0, 2, 1), batch(2, 5, 2), batch(5, 9, 3)]
    const truncated = (epoch: number, offset: number): number => {
      const replica = new Replica({ vote: at3, batches })
      const sent = replica.follow(4)
      replica.reply(sent, records(4, [], 0, { diverging: { epoch, offset } }))
      return replica.state.log.end
    }
    expect(truncated(2, 4)).toBe(4)
    expect(truncated(2, 7)).toBe(5)
    expect(truncated(1, 1)).toBe(1)
    expect(truncated(0, 0)).toBe(0)
  })

  test('a follower stops before it truncates committed records', () => {
    const replica = new Replica()
    const sent = replica.follow(2, [batch(0, 3, 2)], 3)
    expect(() => replica.reply(sent, records(2, [], 3, { diverging: { epoch: 2, offset: 2 } }))).toThrow('never truncated')
  })

  test('the voter set follows a truncation', () => {
    const replica = new Replica()
    const voters = [1, 2].map((id) => voterOf(id, 'a'))
    const sent = replica.follow(2, [batch(0, 3, 2), batch(3, 4, 2, [{ type: 'voters', voters }])], 3)
    expect(replica.state.voterHistory.last.voters.length).toBe(2)
    replica.reply(sent, records(2, [], 3, { diverging: { epoch: 2, offset: 3 } }))
    expect(replica.state.voterHistory.last.voters.length).toBe(3)
  })

  test('a late or repeated reply is ignored', () => {
    const replica = new Replica()
    const sent = replica.follow(2, [batch(0, 3, 2)])
    replica.reply(sent, records(2, [batch(3, 5, 2)], 0))
    replica.reply(sent, records(2, [batch(3, 5, 2)], 0))
    expect(replica.state.log.end).toBe(5)
  })

  test('while the leader fails, another node is queried, and the pause grows', () => {
    const replica = new Replica()
    const sent = replica.follow(2)
    const effects = replica.reply(sent, undefined)
    expect(sends(effects, 3)[0]!.request).toMatchObject({ type: 'fetch', maxWaitMs: 0 })
    const first = replica.state.requests.get(2)!.until
    expect(first).toBeGreaterThanOrEqual(20)
    expect(first).toBeLessThan(40)
    replica.reply(sends(effects, 3)[0]!, records(2, [], 0, { error: 'NOT_LEADER_OR_FOLLOWER', leader: 2 }))
    const [again] = sends(replica.pass(first), 2)
    replica.reply(again!, undefined)
    expect(replica.state.requests.get(2)!.until - replica.state.now).toBeGreaterThanOrEqual(40)
  })

  test('a reply names a later leader', () => {
    const replica = new Replica()
    const sent = replica.follow(2)
    const effects = replica.reply(sent, records(5, [], 0, { error: 'FENCED_LEADER_EPOCH', leader: 3 }))
    expect(replica.state).toMatchObject({ epoch: 5, role: { type: 'follower', leader: 3 } })
    expect(effects).toContainEqual(expect.objectContaining({ type: 'following', leader: 3, epoch: 5 }))
  })

  test('an unattached node queries voters and bootstrap servers in turn', () => {
    const replica = new Replica({ bootstrapServers: 2, settings: { electionTimeoutMs: 1_000_000 } })
    const queried: number[] = []
    for (let i = 0; i < 8; i++) {
      for (const effect of replica.pass(2000)) if (effect.type === 'send') queried.push(effect.to)
    }
    expect(new Set(queried)).toEqual(new Set([2, 3, -2, -3]))
  })
})

describe('raft leadership', () => {
  test('a leader without fetches from a majority for 1.5 fetch timeouts resigns', () => {
    const replica = new Replica().lead()
    replica.fetch({ offset: 3, lastEpoch: 1, highWatermark: 3 })
    const from = replica.state.now
    replica.step({ type: 'propose', token: 9, epoch: 1, batches: [{ count: 1, bytes: 10, payload: undefined }] })
    replica.pass(2999)
    expect(replica.state.role.type).toBe('leader')
    const effects = replica.pass(1)
    expect(replica.state.now - from).toBe(3000)
    expect(replica.state.role.type).toBe('resigned')
    expect(effects).toContainEqual({ type: 'refused', token: 9, leader: -1, mayCommit: true })
    expect(sends(effects, 2)[0]!.request).toMatchObject({ type: 'endQuorumEpoch', successors: [{ id: 2 }, { id: 3 }] })
  })

  test('fetches of a voter keep a leader, those of an observer do not', () => {
    for (const [id, isLeader] of [
      [2, true],
      [4, false],
    ] as const) {
      const replica = new Replica().lead()
      for (let i = 0; i < 5; i++) {
        replica.pass(1000)
        if (replica.state.role.type === 'leader') replica.fetch({ offset: 3, lastEpoch: 1, replica: { id, directory: 'a' } })
      }
      expect(replica.state.role.type === 'leader').toBe(isLeader)
    }
  })

  test('a voter is notified at once, and again when it has not fetched for half a fetch timeout', () => {
    const replica = new Replica().lead()
    const begins = (): number => sends(replica.pass(500), 3).filter(({ request }) => request.type === 'beginQuorumEpoch').length
    expect([begins(), begins(), begins(), begins()]).toEqual([0, 1, 0, 1])
  })

  test('an epoch has one leader: a second one is rejected', () => {
    const begin = { type: 'beginQuorumEpoch', epoch: 1, leader: 3, voter: { id: 1, directory: 'a' }, endpoints: [] } as const
    expect(new Replica().lead().rpc(begin)).toMatchObject({ error: 'INVALID_REQUEST', leader: 1 })
    const follower = new Replica()
    follower.follow(1)
    expect(follower.rpc(begin)).toMatchObject({ error: 'INVALID_REQUEST', leader: 2 })
    expect(follower.rpc({ ...begin, leader: 1 })).toMatchObject({ error: 'INVALID_REQUEST' })
  })

  test('a proposal for another epoch, or to a follower, is refused', () => {
    const replica = new Replica().lead()
    const batches = [{ count: 1, bytes: 10, payload: undefined }]
    expect(replica.step({ type: 'propose', token: 5, epoch: 0, batches })).toContainEqual({
      type: 'refused',
      token: 5,
      leader: 1,
      mayCommit: false,
    })
    const follower = new Replica()
    follower.follow(2)
    expect(follower.step({ type: 'propose', token: 5, epoch: 2, batches })).toContainEqual({
      type: 'refused',
      token: 5,
      leader: 2,
      mayCommit: false,
    })
  })

  test('a pause longer than a timeout is a timeout', () => {
    const replica = new Replica()
    replica.follow(2)
    replica.pass(60_000)
    expect(replica.state.role.type).toBe('prospective')
    expect(() => replica.step({ type: 'tick', now: replica.state.now - 1 })).toThrow('time never decreases')
  })

  test('a parked fetch is answered when the leader loses its epoch', () => {
    const replica = new Replica().lead()
    replica.step({ type: 'rpc', token: 1, request: fetchOf(replica.state, { offset: 3, lastEpoch: 1, highWatermark: 3 }) })
    const effects = replica.step({ type: 'resign' })
    expect(effects).toContainEqual(
      expect.objectContaining({ type: 'answer', token: 1, response: expect.objectContaining({ error: 'NOT_LEADER_OR_FOLLOWER' }) }),
    )
  })
})
