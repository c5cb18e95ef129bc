import { assert } from '../base/assert.ts'
import { votersMax } from './limits.ts'
import type { ControlRecord, Endpoint, ReplicaKey, Voter } from './messages.ts'

export type VoterSet = readonly Voter[]

export const majorityOf = (voters: VoterSet): number => (voters.length >> 1) + 1

export const voterOf = (voters: VoterSet, id: number): Voter | undefined => voters.find((voter) => voter.id === id)

/** Whether a replica is the one with the vote. A voter without a directory matches by id. */
export function isVoterKey(voters: VoterSet, key: ReplicaKey): boolean {
  for (let i = 0; i < voters.length; i++) {
    const voter = voters[i]!
    if (voter.id === key.id) return voter.directory === '' || voter.directory === key.directory
  }
  return false
}

export const isSameKey = (a: ReplicaKey, b: ReplicaKey): boolean => a.id === b.id && a.directory === b.directory

export const keyOf = ({ id, directory }: ReplicaKey): ReplicaKey => ({ id, directory })

export function withVoter(voters: VoterSet, voter: Voter): VoterSet {
  const next = [...voters.filter(({ id }) => id !== voter.id), voter].sort((a, b) => a.id - b.id)
  assert(next.length <= votersMax, 'the number of voters is limited')
  return next
}

export const withoutVoter = (voters: VoterSet, key: ReplicaKey): VoterSet => voters.filter((voter) => !isSameKey(voter, key))

export const sameEndpoints = (a: readonly Endpoint[], b: readonly Endpoint[]): boolean =>
  a.length === b.length && a.every((each, i) => each.listener === b[i]!.listener && each.host === b[i]!.host && each.port === b[i]!.port)

/** A voter set, from the offset of its record on. Offset -1: from the configuration, or the bootstrap checkpoint. */
export interface VoterEntry {
  readonly offset: number
  readonly voters: VoterSet
  readonly kraftVersion: number
}

/**
 * Voter sets in the order of the log. The last one is in force from the moment it is appended, and truncation reverts it.
 *
 * Invariant: there is always an entry, and offsets grow.
 */
export class VoterHistory {
  readonly #entries: VoterEntry[]
  readonly #configured: VoterSet

  constructor(voters: VoterSet, kraftVersion: number) {
    this.#configured = voters
    this.#entries = [{ offset: -1, voters, kraftVersion }]
  }

  get last(): VoterEntry {
    return this.#entries[this.#entries.length - 1]!
  }

  /** The set before the last one. */
  get previous(): VoterEntry | undefined {
    return this.#entries[this.#entries.length - 2]
  }

  /** The voter set of a snapshot that ends at an offset. */
  at(endOffset: number): VoterEntry {
    for (let i = this.#entries.length - 1; i > 0; i--) if (this.#entries[i]!.offset < endOffset) return this.#entries[i]!
    return this.#entries[0]!
  }

  append(baseOffset: number, control: readonly ControlRecord[]): void {
    const { last } = this
    let { voters, kraftVersion } = last
    let isChanged = false
    for (const record of control) {
      if (record.type === 'leaderChange') continue
      isChanged = true
      if (record.type === 'kraftVersion') kraftVersion = record.version
      else voters = record.voters
    }
    if (!isChanged) return
    assert(baseOffset > last.offset, 'voter sets are in the order of the log')
    this.#entries.push({ offset: baseOffset, voters, kraftVersion })
  }

  truncate(to: number): void {
    while (this.#entries.length > 1 && this.last.offset >= to) this.#entries.pop()
  }

  /** The entry in force at the new start of the log remains. */
  dropBelow(offset: number): void {
    while (this.#entries.length > 1 && this.#entries[1]!.offset < offset) this.#entries.shift()
  }

  /** A snapshot of `kraft.version` 0 has no voters: the configured ones remain. */
  reset(offset: number, voters: VoterSet, kraftVersion: number): void {
    this.#entries.length = 0
    this.#entries.push({ offset: offset - 1, voters: kraftVersion === 0 ? this.#configured : voters, kraftVersion })
  }
}
