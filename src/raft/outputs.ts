import { assert } from '../base/assert.ts'
import { below } from '../base/prng.ts'
import type { Attachment, Batch, Endpoint, QuorumResponse, RaftEffect, RaftError, RaftRequest, RaftResponse } from './messages.ts'
import { type Follower, indexBatch, leaderEndpoints, leaderOf, type Outstanding, type RaftState } from './state.ts'

/** Sends now, or once the vote is durable: neither a request nor an answer of an epoch leaves before the epoch is on disk. */
export function send(s: RaftState, out: RaftEffect[], to: number, request: RaftRequest, endpoints?: readonly Endpoint[]): number {
  const correlation = ++s.correlation
  const effect = { type: 'send', to, correlation, request, endpoints } as const
  if (s.votesInFlight > 0) s.gated.push(effect)
  else out.push(effect)
  return correlation
}

export function answer(s: RaftState, out: RaftEffect[], token: number, response: RaftResponse, attachment?: Attachment): void {
  const effect = { type: 'answer', token, response, attachment } as const
  if (s.votesInFlight > 0) s.gated.push(effect)
  else out.push(effect)
}

/** Releases what waited for the vote. Requests of an earlier role are dropped, and answers of an earlier epoch become errors. */
export function releaseGated(s: RaftState, out: RaftEffect[]): void {
  if (s.votesInFlight > 0 || s.gated.length === 0) return
  const { gated } = s
  s.gated = []
  for (const effect of gated) {
    if (effect.type === 'send') {
      if (effect.correlation > s.role.since) out.push(effect)
    } else {
      const { response } = effect
      const isOld = response.type !== 'apiVersions' && response.epoch < s.epoch
      out.push(isOld ? { ...effect, response: outdated(s, response), attachment: undefined } : effect)
    }
  }
}

function outdated(s: RaftState, response: QuorumResponse): QuorumResponse {
  const base = { error: 'FENCED_LEADER_EPOCH', leader: leaderOf(s), epoch: s.epoch, endpoints: leaderEndpoints(s) } as const
  return response.type === 'vote' ? { ...response, ...base, isGranted: false } : { ...response, ...base }
}

/** An answer without other fields. */
export function answerPlain(
  s: RaftState,
  out: RaftEffect[],
  token: number,
  type: 'beginQuorumEpoch' | 'endQuorumEpoch' | 'addVoter' | 'removeVoter' | 'updateVoter',
  error: RaftError,
): void {
  answer(s, out, token, { type, error, leader: leaderOf(s), epoch: s.epoch, endpoints: leaderEndpoints(s) })
}

export interface Writes {
  readonly hasVote?: boolean
  readonly truncateTo?: number
  readonly batches?: readonly Batch[]
}

/** Changes the log in memory, and requests that the change becomes durable. */
export function persist(s: RaftState, out: RaftEffect[], { hasVote = false, truncateTo, batches = [] }: Writes): void {
  if (truncateTo !== undefined) truncate(s, truncateTo)
  for (const batch of batches) {
    assert(batch.epoch <= s.epoch, 'no record has a later epoch than its log')
    indexBatch(s.log, s.voterHistory, batch)
  }
  const ticket = ++s.ticket
  s.tickets.push({ ticket, end: s.log.end, hasVote })
  if (hasVote) s.votesInFlight++
  const vote = hasVote ? { epoch: s.epoch, voted: s.voted } : undefined
  out.push({ type: 'persist', ticket, vote, truncateTo, batches })
}

function truncate(s: RaftState, to: number): void {
  const { log } = s
  assert(to <= log.end, 'a truncation shortens the log')
  assert(to >= s.highWatermark, 'committed records are never truncated')
  log.epochs.truncate(to)
  s.voterHistory.truncate(to)
  log.end = to
  log.syncedEnd = Math.min(log.syncedEnd, to)
  for (const ticket of s.tickets) ticket.end = Math.min(ticket.end, to)
}

/** Tickets become durable in their order. */
export function onPersisted(s: RaftState, out: RaftEffect[], upTo: number): void {
  assert(upTo <= s.ticket, 'a ticket was issued before it is durable')
  while (s.tickets.length > 0 && s.tickets[0]!.ticket <= upTo) {
    const { end, hasVote } = s.tickets.shift()!
    s.log.syncedEnd = Math.max(s.log.syncedEnd, end)
    if (hasVote) s.votesInFlight--
  }
  assert(s.log.syncedEnd <= s.log.end, 'the durable log is a prefix of the log')
  releaseGated(s, out)
}

/** Raises the high watermark. It never decreases. */
export function commit(s: RaftState, out: RaftEffect[], upTo: number): void {
  assert(upTo <= s.log.end, 'committed records are in the log')
  if (upTo <= s.highWatermark) return
  s.highWatermark = upTo
  out.push({ type: 'committed', upTo })
}

/** Whether a request may be sent to a node: none is in flight, and there is no pause after a failure. */
export function canSend(s: RaftState, to: number): boolean {
  const outstanding = s.requests.get(to)
  return outstanding === undefined || s.now >= outstanding.until
}

/** Sends a request, and awaits the reply for the request timeout. */
export function request(s: RaftState, out: RaftEffect[], to: number, message: RaftRequest): void {
  const before = s.requests.get(to)
  const failures = before === undefined ? 0 : before.correlation === 0 ? before.failures : before.failures + 1
  const correlation = send(s, out, to, message)
  s.requests.set(to, { correlation, until: s.now + s.settings.requestTimeoutMs, failures })
}

/** Whether a reply is that of the request in flight. A failed one is repeated after a pause. */
export function takeReply(s: RaftState, to: number, correlation: number, isFailed: boolean): boolean {
  const outstanding = s.requests.get(to)
  if (outstanding === undefined || outstanding.correlation !== correlation) return false
  if (isFailed) pause(s, outstanding)
  else s.requests.delete(to)
  return true
}

/** The pause doubles with each failure, and has jitter. */
export function pause(s: RaftState, outstanding: Outstanding): void {
  const { retryBackoffMs, retryBackoffMaxMs } = s.settings
  const ms = Math.min(retryBackoffMaxMs, retryBackoffMs * 2 ** Math.min(outstanding.failures, 16))
  outstanding.correlation = 0
  outstanding.failures++
  outstanding.until = s.now + ms + below(s.random, (ms >> 1) + 1)
}

/** The time at which the first request times out, or the first pause ends. */
export function requestsDue(s: RaftState): number {
  let at = Number.POSITIVE_INFINITY
  for (const { until } of s.requests.values()) if (until > s.now && until < at) at = until
  return at
}

export function extendFetchTimeout(s: RaftState, role: Follower): void {
  role.deadline = s.now + s.settings.fetchTimeoutMs
}
