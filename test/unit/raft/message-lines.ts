import type { Batch, ControlRecord, RaftEffect, RaftRequest, RaftResponse, ReplicaKey, SnapshotId } from '../../../src/raft/messages.ts'

/** Effects and messages as lines that a reviewer reads. */

const key = ({ id, directory }: ReplicaKey): string => `${id}${directory}`
const at = ({ offset, epoch }: SnapshotId): string => `${offset}@${epoch}`
const keys = (list: readonly ReplicaKey[]): string => `[${list.map(key).join(' ')}]`

function controlLine(record: ControlRecord): string {
  if (record.type === 'leaderChange') return `leaderChange(${key(record.leader)})`
  return record.type === 'voters' ? `voters${keys(record.voters)}` : `kraftVersion(${record.version})`
}

const batchLine = ({ baseOffset, endOffset, epoch, control }: Batch): string =>
  `${baseOffset}-${endOffset}@${epoch}${control === undefined ? '' : `(${control.map(controlLine).join(' ')})`}`

const batchesLine = (batches: readonly Batch[]): string => batches.map(batchLine).join(' ')

export function requestLine(request: RaftRequest): string {
  switch (request.type) {
    case 'vote': {
      const { epoch, candidate, voter, lastEpoch, endOffset, isPreVote } = request
      return `${isPreVote ? 'pre-vote' : 'vote'} epoch=${epoch} candidate=${key(candidate)} voter=${key(voter)} log=${endOffset}@${lastEpoch}`
    }
    case 'beginQuorumEpoch':
      return `beginQuorumEpoch epoch=${request.epoch} voter=${key(request.voter)}`
    case 'endQuorumEpoch':
      return `endQuorumEpoch epoch=${request.epoch} successors=${keys(request.successors)}`
    case 'fetch':
      return `fetch epoch=${request.epoch} replica=${key(request.replica)} log=${request.offset}@${request.lastEpoch} hw=${request.highWatermark}`
    case 'fetchSnapshot':
      return `fetchSnapshot epoch=${request.epoch} id=${at(request.id)} position=${request.position}`
    case 'addVoter':
    case 'removeVoter':
    case 'updateVoter':
      return `${request.type} ${key(request.voter)}`
    case 'apiVersions':
      return 'apiVersions'
  }
}

export function responseLine(response: RaftResponse): string {
  if (response.type === 'apiVersions') return `apiVersions kraft=${response.kraftVersions.join('-')}`
  const { type, error, leader, epoch } = response
  const base = `${type}: epoch=${epoch} leader=${leader < 0 ? 'none' : leader}`
  if (error !== 'NONE') return `${base} ${error}`
  if (type === 'vote') return `${base} ${response.isGranted ? 'granted' : 'rejected'}`
  if (type === 'fetchSnapshot')
    return `${base} id=${at(response.id)} position=${response.position} bytes=${response.bytes} of ${response.size}`
  if (type !== 'fetch') return base
  if (response.diverging !== undefined) return `${base} diverging=${at(response.diverging)}`
  if (response.snapshot !== undefined) return `${base} snapshot=${at(response.snapshot)}`
  return `${base} hw=${response.highWatermark} ${response.batches.length === 0 ? 'no records' : batchesLine(response.batches)}`
}

/** A line about an effect within a node; none for messages and timers. */
export function effectLine(effect: RaftEffect): string | undefined {
  switch (effect.type) {
    case 'persist': {
      const { vote, truncateTo, batches } = effect
      const votes = vote === undefined ? '' : ` epoch=${vote.epoch} vote=${vote.voted === undefined ? 'none' : key(vote.voted)}`
      const cut = truncateTo === undefined ? '' : ` truncate to ${truncateTo}`
      return `persists${votes}${cut}${batches.length === 0 ? '' : ` ${batchesLine(batches)}`}`
    }
    case 'appended':
      return `appends proposal ${effect.token} up to ${effect.endOffset}`
    case 'refused':
      return `refuses proposal ${effect.token}${effect.mayCommit ? ', which may commit' : ''}`
    case 'committed':
      return `commits up to ${effect.upTo}`
    case 'leading':
      return `leads epoch ${effect.epoch} from ${effect.startOffset}`
    case 'following':
      return effect.leader < 0 ? `has no leader in epoch ${effect.epoch}` : `follows ${effect.leader} in epoch ${effect.epoch}`
    case 'install':
      return `installs snapshot ${at(effect.id)}`
    case 'dropBelow':
      return `drops the log below ${effect.offset}`
    case 'send':
    case 'answer':
    case 'wake':
      return undefined
  }
}
