import { describe, expect, test } from 'vitest'
import type { FetchSnapshotResponse, RaftResponse, SnapshotId } from '../../../src/raft/messages.ts'
import { batch, fetchOf, Replica, records, sends, typesOf } from './replica.ts'
import { voterOf } from './scripted-cluster.ts'

const voters = [1, 2, 3].map((id) => voterOf(id, 'a'))
const voterBatch = batch(0, 3, 1, [{ type: 'voters', voters }])
const settings = { retainBytes: 150, snapshotPieceBytesMax: 400 }

/** A leader with a log of 0-3@1, 3-8@2 and its own epoch, and snapshots. */
function leaderWith(...ids: readonly SnapshotId[]): Replica {
  const replica = new Replica({ settings, vote: { epoch: 2, voted: undefined }, batches: [voterBatch, batch(3, 8, 2)] }).lead()
  for (const id of ids) {
    replica.step({ type: 'propose', token: 1, epoch: 3, batches: [{ count: 1, bytes: 100, payload: undefined }] })
    replica.fetch({ offset: replica.state.log.end, lastEpoch: 3 })
    replica.step({ type: 'checkpointed', snapshot: { ...id, bytes: 700 } })
  }
  return replica
}

describe('raft snapshots', () => {
  test('a snapshot is at or below the high watermark, and has the epoch of its last record', () => {
    const replica = leaderWith()
    expect(replica.state.highWatermark).toBe(9)
    expect(() => replica.step({ type: 'checkpointed', snapshot: { offset: 10, epoch: 3, bytes: 1 } })).toThrow('committed records only')
    expect(() => replica.step({ type: 'checkpointed', snapshot: { offset: 8, epoch: 3, bytes: 1 } })).toThrow('epoch of its last record')
    replica.step({ type: 'checkpointed', snapshot: { offset: 8, epoch: 2, bytes: 1 } })
    expect(replica.state.log.snapshots).toMatchObject([{ offset: 8, epoch: 2 }])
  })

  test('the log is dropped below a snapshot once enough was appended behind it', () => {
    const replica = leaderWith({ offset: 8, epoch: 2 })
    expect(replica.state.log.start).toBe(0)
    replica.step({ type: 'propose', token: 1, epoch: 3, batches: [{ count: 2, bytes: 200, payload: undefined }] })
    replica.fetch({ offset: 12, lastEpoch: 3 })
    expect(replica.step({ type: 'checkpointed', snapshot: { offset: 12, epoch: 3, bytes: 1 } })).toContainEqual({
      type: 'dropBelow',
      offset: 8,
    })
    expect(replica.state.log).toMatchObject({ start: 8, snapshots: [{ offset: 8 }, { offset: 12 }] })
    expect(replica.state.voterHistory.at(12).voters.length).toBe(3)
  })

  /** The log starts at 8, whose last record is of epoch 2; the latest snapshot is at 12. */
  const dropped = (): Replica => {
    const replica = leaderWith({ offset: 8, epoch: 2 })
    replica.step({ type: 'propose', token: 1, epoch: 3, batches: [{ count: 2, bytes: 200, payload: undefined }] })
    replica.fetch({ offset: 12, lastEpoch: 3 })
    replica.step({ type: 'checkpointed', snapshot: { offset: 12, epoch: 3, bytes: 700 } })
    return replica
  }

  test.each([
    ['below the log start', { offset: 5, lastEpoch: 2 }, true],
    ['at offset 0', { offset: 0, lastEpoch: 0 }, true],
    ['at the log start with another epoch', { offset: 8, lastEpoch: 3 }, true],
    ['with an epoch older than the log', { offset: 9, lastEpoch: 1 }, true],
    ['at the log start', { offset: 8, lastEpoch: 2 }, false],
    ['within the log', { offset: 9, lastEpoch: 3 }, false],
  ])('a fetch %s needs the snapshot: %j', (_, parts, isNeeded) => {
    const response = dropped().fetch(parts)
    expect(response).toMatchObject({ snapshot: isNeeded ? { offset: 12, epoch: 3 } : undefined, diverging: undefined })
  })

  test('a fetch at offset 0 gets the snapshot, though the log has the records', () => {
    expect(leaderWith({ offset: 8, epoch: 2 }).fetch({ offset: 0, lastEpoch: 0 })).toMatchObject({ snapshot: { offset: 8, epoch: 2 } })
  })

  test('a bootstrap checkpoint is never sent', () => {
    expect(leaderWith().fetch({ offset: 0, lastEpoch: 0 })).toMatchObject({ snapshot: undefined })
  })

  const pieceOf = (replica: Replica, id: SnapshotId, position: number): RaftResponse | undefined =>
    replica.rpc({ type: 'fetchSnapshot', epoch: 3, replica: { id: 2, directory: 'a' }, id, position, maxBytes: 1000 })

  test('a leader sends a snapshot in pieces, and rejects positions and snapshots that it does not have', () => {
    const replica = dropped()
    const id = { offset: 12, epoch: 3 }
    expect(pieceOf(replica, id, 0)).toMatchObject({ error: 'NONE', bytes: 400, size: 700 })
    expect(pieceOf(replica, id, 400)).toMatchObject({ error: 'NONE', bytes: 300 })
    expect(pieceOf(replica, id, 700)).toMatchObject({ error: 'POSITION_OUT_OF_RANGE' })
    expect(pieceOf(replica, { offset: 12, epoch: 2 }, 0)).toMatchObject({ error: 'SNAPSHOT_NOT_FOUND' })
  })

  test('a fetch of a snapshot counts for the quorum of the leader', () => {
    const replica = dropped()
    for (let i = 0; i < 5; i++) {
      replica.pass(1000)
      pieceOf(replica, { offset: 12, epoch: 3 }, 0)
    }
    expect(replica.state.role.type).toBe('leader')
  })

  const id = { offset: 12, epoch: 3 }
  const piece = (position: number, parts: Partial<FetchSnapshotResponse> = {}): FetchSnapshotResponse => ({
    ...{ type: 'fetchSnapshot', error: 'NONE', leader: 2, epoch: 4, endpoints: [], id, position, bytes: 400, size: 800 },
    ...parts,
  })

  /** A follower that downloads a snapshot, and its request for the first piece. */
  const downloading = () => {
    const replica = new Replica({ vote: { epoch: 3, voted: undefined } })
    const sent = replica.follow(4, [batch(0, 3, 3)])
    const [request] = sends(replica.reply(sent, records(4, [], 0, { snapshot: id })), 2)
    return { replica, request: request! }
  }
  const fetched = (replica: Replica, correlation: number, response: FetchSnapshotResponse) =>
    replica.step({ type: 'fetchedPiece', to: 2, correlation, response })

  test('a follower installs a snapshot: it becomes the log, and epoch and vote remain', () => {
    const { replica, request } = downloading()
    expect(request.request).toMatchObject({ type: 'fetchSnapshot', id, position: 0 })
    const [next] = sends(fetched(replica, request.correlation, piece(0)), 2)
    expect(next!.request).toMatchObject({ position: 400 })
    const effects = fetched(replica, next!.correlation, piece(400))
    expect(effects).toMatchObject([{ type: 'install', id }])
    const installed = replica.step({
      type: 'installed',
      ticket: replica.state.ticket,
      snapshot: { ...id, bytes: 800, kraftVersion: 1, voters },
    })
    expect(replica.state).toMatchObject({ epoch: 4, highWatermark: 12, log: { start: 12, end: 12, syncedEnd: 12 } })
    expect(sends(installed, 2)[0]!.request).toMatchObject({ type: 'fetch', offset: 12, lastEpoch: 3 })
  })

  test('a snapshot that is not whole, or that the leader has removed, is fetched again from the start', () => {
    const { replica, request } = downloading()
    const [next] = sends(fetched(replica, request.correlation, piece(0)), 2)
    fetched(replica, next!.correlation, piece(400))
    const torn = replica.step({ type: 'installed', ticket: replica.state.ticket, snapshot: undefined })
    expect(sends(torn, 2)[0]!.request).toMatchObject({ type: 'fetch', offset: 3 })
    const gone = downloading()
    const again = gone.replica.reply(gone.request, piece(0, { error: 'SNAPSHOT_NOT_FOUND', bytes: 0, size: 0 }))
    expect(sends(again, 2)[0]!.request).toMatchObject({ type: 'fetch', offset: 3 })
  })

  test('a piece extends the fetch timeout, and there is no election while a snapshot is installed', () => {
    const { replica, request } = downloading()
    replica.pass(1500)
    const [next] = sends(fetched(replica, request.correlation, piece(0)), 2)
    replica.pass(1500)
    expect(replica.state.role.type).toBe('follower')
    fetched(replica, next!.correlation, piece(400))
    const effects = replica.pass(10_000)
    expect(replica.state.role.type).toBe('follower')
    expect(typesOf(effects)).not.toContain('send')
    expect(replica.state.wakeAt).toBe(Number.POSITIVE_INFINITY)
  })

  test('a repeated piece is ignored', () => {
    const { replica, request } = downloading()
    fetched(replica, request.correlation, piece(0))
    expect(fetched(replica, request.correlation, piece(0))).toEqual([])
    expect(replica.state.role).toMatchObject({ download: { position: 400 } })
  })

  test('a node without a voter set takes snapshots without one', () => {
    const replica = new Replica({ voters: [], kraftVersion: 1 })
    expect(replica.state.voterHistory.at(5)).toMatchObject({ kraftVersion: 0, voters: [] })
  })

  test('a log that starts at a snapshot continues with its epoch and voters', () => {
    const snapshot = { ...id, bytes: 800, kraftVersion: 1, voters: voters.slice(0, 2) }
    const replica = new Replica({ vote: { epoch: 4, voted: undefined }, snapshots: [snapshot], logStart: 12, batches: [batch(12, 14, 4)] })
    expect(replica.state).toMatchObject({ highWatermark: 12, log: { start: 12, end: 14 } })
    expect(replica.state.voterHistory.last.voters.length).toBe(2)
    expect(replica.state.log.epochs.epochBefore(12)).toBe(3)
    expect(fetchOf(replica.state, {}).epoch).toBe(4)
  })
})
