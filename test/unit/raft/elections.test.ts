import { describe, expect, test } from 'vitest'
import { batch, granted, Replica, records, sends, typesOf, voteOf } from './replica.ts'
import { voterOf } from './scripted-cluster.ts'

const vote = { epoch: 3, voted: undefined }

describe('raft elections', () => {
  test('a vote is sent when it is durable, and not before', () => {
    const replica = new Replica()
    replica.isDiskSlow = true
    const effects = replica.step({ type: 'rpc', token: 1, request: voteOf({}) })
    expect(typesOf(effects)).toContain('persist')
    expect(typesOf(effects)).not.toContain('answer')
    const later = replica.step({ type: 'persisted', ticket: replica.state.ticket })
    expect(later).toContainEqual(expect.objectContaining({ type: 'answer', response: expect.objectContaining({ isGranted: true }) }))
  })

  test('an answer of an older epoch that waited for the disk becomes an error', () => {
    const replica = new Replica()
    replica.isDiskSlow = true
    replica.step({ type: 'rpc', token: 1, request: voteOf({ epoch: 1 }) })
    replica.step({ type: 'rpc', token: 2, request: voteOf({ epoch: 2, candidate: { id: 3, directory: 'a' } }) })
    const effects = replica.step({ type: 'persisted', ticket: replica.state.ticket })
    const answers = effects.flatMap((effect) => (effect.type === 'answer' ? [effect.response] : []))
    expect(answers).toMatchObject([
      { error: 'FENCED_LEADER_EPOCH', isGranted: false, epoch: 2 },
      { error: 'NONE', isGranted: true, epoch: 2 },
    ])
  })

  test('a vote in a new epoch is one write', () => {
    const replica = new Replica()
    replica.isDiskSlow = true
    const effects = replica.step({ type: 'rpc', token: 1, request: voteOf({ epoch: 5 }) })
    const persists = effects.filter(({ type }) => type === 'persist')
    expect(persists).toMatchObject([{ vote: { epoch: 5, voted: { id: 2, directory: 'a' } } }])
  })

  test('an epoch has one vote, and the same candidate may repeat its request', () => {
    const replica = new Replica()
    expect(replica.rpc(voteOf({}))).toMatchObject({ isGranted: true })
    expect(replica.rpc(voteOf({ candidate: { id: 3, directory: 'a' } }))).toMatchObject({ isGranted: false })
    expect(replica.rpc(voteOf({ candidate: { id: 2, directory: 'b' } }))).toMatchObject({ isGranted: false })
    expect(replica.rpc(voteOf({}))).toMatchObject({ isGranted: true })
  })

  test('a pre-vote keeps epoch, vote and disk as they are', () => {
    const replica = new Replica()
    replica.rpc(voteOf({ epoch: 4 }))
    replica.isDiskSlow = true
    const effects = replica.timeout()
    expect(replica.state.role.type).toBe('prospective')
    expect(typesOf(effects)).not.toContain('persist')
    expect(replica.state).toMatchObject({ epoch: 4, voted: { id: 2, directory: 'a' } })
    expect(sends(effects, 2)[0]!.request).toMatchObject({ type: 'vote', isPreVote: true, epoch: 4 })
  })

  test('a candidate counts its own vote when it is durable', () => {
    const replica = new Replica({ voters: [voterOf(1, 'a'), voterOf(2, 'a')] })
    const [preVote] = sends(replica.timeout(), 2)
    replica.isDiskSlow = true
    replica.reply(preVote!, granted(0))
    expect(replica.state.role).toMatchObject({ type: 'candidate', granted: [] })
    const [request] = sends(replica.step({ type: 'persisted', ticket: replica.state.ticket }), 2)
    expect(replica.state.role).toMatchObject({ type: 'candidate', granted: [1] })
    replica.reply(request!, granted(1))
    expect(replica.state.role.type).toBe('leader')
  })

  test('a repeated vote counts once', () => {
    const replica = new Replica({ voters: [1, 2, 3, 4, 5].map((id) => voterOf(id, 'a')) })
    const [preVote] = sends(replica.timeout(), 2)
    for (let i = 0; i < 3; i++) replica.reply(preVote!, granted(0))
    expect(replica.state.role).toMatchObject({ type: 'prospective', granted: [1, 2] })
  })

  test('a reply to a request of an earlier role is ignored', () => {
    const replica = new Replica()
    const [preVote] = sends(replica.timeout(), 2)
    replica.reply(sends(replica.pass(0), 3)[0] ?? preVote!, granted(0))
    expect(replica.state.role.type).toBe('candidate')
    replica.reply(preVote!, granted(1))
    expect(replica.state.role).toMatchObject({ type: 'candidate', granted: [1] })
  })

  test.each([
    ['longer', 3, 6, true],
    ['equal', 3, 5, true],
    ['shorter', 3, 4, false],
    ['of an older epoch', 2, 9, false],
    ['of a later epoch', 4, 1, true],
  ])('a log that is %s gets this vote', (_, lastEpoch, endOffset, isGranted) => {
    for (const isPreVote of [true, false]) {
      const replica = new Replica({ vote, batches: [batch(0, 5, 3)] })
      expect(replica.rpc(voteOf({ epoch: 5, lastEpoch, endOffset, isPreVote }))).toMatchObject({ error: 'NONE', isGranted })
    }
  })

  test('a vote is legal for an epoch after that of the last record, a pre-vote also for that epoch', () => {
    const replica = new Replica()
    expect(replica.rpc(voteOf({ epoch: 3, lastEpoch: 3, endOffset: 9 }))).toMatchObject({ error: 'INVALID_REQUEST' })
    expect(replica.rpc(voteOf({ epoch: 3, lastEpoch: 3, endOffset: 9, isPreVote: true }))).toMatchObject({ isGranted: true })
    expect(replica.rpc(voteOf({ epoch: 3, lastEpoch: 4, endOffset: 9, isPreVote: true }))).toMatchObject({ error: 'INVALID_REQUEST' })
  })

  test('a request of an older epoch is fenced', () => {
    const replica = new Replica({ vote })
    expect(replica.rpc(voteOf({ epoch: 2 }))).toMatchObject({ error: 'FENCED_LEADER_EPOCH', epoch: 3 })
    const begin = { type: 'beginQuorumEpoch', epoch: 2, leader: 2, voter: { id: 1, directory: 'a' }, endpoints: [] } as const
    expect(replica.rpc(begin)).toMatchObject({ error: 'FENCED_LEADER_EPOCH' })
    expect(replica.rpc({ type: 'endQuorumEpoch', epoch: 2, leader: 2, successors: [], endpoints: [] })).toMatchObject({
      error: 'FENCED_LEADER_EPOCH',
    })
  })

  test('a request to another replica with this id is rejected', () => {
    const replica = new Replica()
    expect(replica.rpc(voteOf({ voter: { id: 1, directory: 'b' } }))).toMatchObject({ error: 'INVALID_VOTER_KEY', isGranted: false })
    expect(replica.state.voted).toBeUndefined()
    const begin = { type: 'beginQuorumEpoch', epoch: 2, leader: 2, voter: { id: 1, directory: 'b' }, endpoints: [] } as const
    expect(replica.rpc(begin)).toMatchObject({ error: 'INVALID_VOTER_KEY', leader: 2 })
  })

  test('a follower grants a pre-vote until it has fetched from its leader, and after its fetch timeout', () => {
    const preVote = voteOf({ epoch: 2, isPreVote: true, lastEpoch: 2, endOffset: 9, candidate: { id: 3, directory: 'a' } })
    const replica = new Replica()
    const begin = { type: 'beginQuorumEpoch', epoch: 2, leader: 2, voter: { id: 1, directory: 'a' }, endpoints: [] } as const
    const [fetch] = sends(replica.step({ type: 'rpc', token: 1, request: begin }), 2)
    expect(replica.rpc(preVote)).toMatchObject({ isGranted: true, leader: 2 })
    replica.reply(fetch!, records(2, [], 0))
    expect(replica.rpc(preVote)).toMatchObject({ isGranted: false, leader: 2 })
    expect(replica.rpc({ ...preVote, isPreVote: false, epoch: 3 })).toMatchObject({ isGranted: true })
  })

  test('a leader rejects pre-votes, and a later vote ends its epoch', () => {
    const replica = new Replica().lead()
    const fresh = { lastEpoch: 1, endOffset: 99, candidate: { id: 3, directory: 'a' } }
    expect(replica.rpc(voteOf({ ...fresh, epoch: 1, isPreVote: true }))).toMatchObject({ isGranted: false, leader: 1 })
    expect(replica.rpc(voteOf({ ...fresh, epoch: 2 }))).toMatchObject({ isGranted: true })
    expect(replica.state.role.type).toBe('unattached')
  })

  test('a pre-vote that is lost returns to the known leader, else to none', () => {
    const alone = new Replica()
    alone.timeout()
    alone.timeout()
    expect(alone.state.role.type).toBe('unattached')
    const replica = new Replica()
    replica.follow(2)
    for (const sent of replica.timeout()) if (sent.type === 'send') replica.reply(sent, granted(2, false))
    expect(replica.state.role).toMatchObject({ type: 'follower', leader: 2 })
  })

  test('a candidate without a majority tries a pre-vote again', () => {
    const replica = new Replica()
    replica.reply(sends(replica.timeout(), 2)[0]!, granted(0))
    expect(replica.state.role.type).toBe('candidate')
    replica.timeout()
    expect(replica.state).toMatchObject({ epoch: 1, voted: { id: 1 }, role: { type: 'prospective' } })
  })

  test('a node that restarts with its own vote cannot lead in that epoch', () => {
    const replica = new Replica({ vote: { epoch: 4, voted: { id: 1, directory: 'a' } } })
    expect(replica.state.role.type).toBe('resigned')
    expect(replica.rpc(voteOf({ epoch: 4, isPreVote: true }))).toMatchObject({ isGranted: true })
    expect(replica.rpc(voteOf({ epoch: 4 }))).toMatchObject({ isGranted: false })
    replica.timeout()
    expect(replica.state).toMatchObject({ epoch: 5, voted: undefined, role: { type: 'unattached' } })
  })

  test('an observer is never a candidate', () => {
    const replica = new Replica({ me: voterOf(4, 'a') })
    replica.pass(100_000)
    expect(replica.state.role.type).toBe('unattached')
    expect(replica.rpc(voteOf({ voter: { id: 4, directory: 'a' } }))).toMatchObject({ isGranted: true })
  })

  test('a sole voter leads at its start: its log is committed, and the vote and the first batch are one write', () => {
    const replica = new Replica({ voters: [voterOf(1, 'a')], vote, batches: [batch(0, 5, 3)] })
    expect(replica.state).toMatchObject({ epoch: 4, role: { type: 'leader' }, highWatermark: 8 })
    expect(replica.state.ticket).toBe(1)
    replica.pass(1_000_000)
    expect(replica.state.role.type).toBe('leader')
    expect(replica.state.wakeAt).toBe(Number.POSITIVE_INFINITY)
  })

  test('a node with an empty disk is not the voter that it was', () => {
    const replica = new Replica({ me: voterOf(1, 'b') })
    replica.pass(100_000)
    expect(replica.state.role.type).toBe('unattached')
    expect(replica.rpc(voteOf({}))).toMatchObject({ error: 'INVALID_VOTER_KEY' })
  })

  test('successors of a leader that stops start at once, or wait the longer the further back they are', () => {
    const successors = [2, 1, 3].map((id) => ({ id, directory: 'a' }))
    const end = { type: 'endQuorumEpoch', epoch: 2, leader: 4, successors, endpoints: [] } as const
    const deadlines = [1, 2, 3].map((id) => {
      const replica = new Replica({ me: voterOf(id, 'a') })
      replica.rpc(end)
      return replica.state.role.type === 'follower' ? replica.state.role.deadline : 0
    })
    expect(deadlines[1]).toBe(0)
    expect(deadlines[0]).toBeGreaterThan(0)
    expect(deadlines[2]).toBeGreaterThan(deadlines[0]!)
  })

  test('jitter is of the state: replicas with other seeds have other timeouts, and a seed has the same', () => {
    const deadlineOf = (seed: number): number => {
      const { role } = new Replica({ seed }).state
      return role.type === 'unattached' ? role.deadline : 0
    }
    expect(deadlineOf(5)).toBe(deadlineOf(5))
    expect(new Set([1, 2, 3, 4].map(deadlineOf)).size).toBe(4)
  })
})
