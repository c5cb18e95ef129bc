import type { Change } from './planted.ts'
import type { WorldOptions } from './world.ts'

/** A bug, and the worlds in which it is caught. */
export interface Bug {
  readonly name: string
  readonly changes: readonly Change[]
  readonly options?: Omit<WorldOptions, 'machines'>
  /** Caught within this many seeds from `firstSeed` on. */
  readonly firstSeed?: number
  readonly seeds: number
  /** The rule that is violated. */
  readonly rule: RegExp
}

/** Events of each of these worlds, before the faults end. */
export const bugEvents = 6000

const stormy = {
  weather: {
    electionTimeoutMs: 1000,
    crash: 300,
    isolate: 150,
    cut: 250,
    actEveryMs: 150,
    diskMax: 150,
    delayMax: 60,
    voters: 3,
    resign: 60,
  },
} as const
const changing = { weather: { ...stormy.weather, changeVoters: 500, voters: 3, spares: 2, isStatic: false, diskMax: 30 } } as const

/** Many elections, with several candidates at a time. */
const contested = {
  weather: {
    ...{ electionTimeoutMs: 60, voters: 3, spares: 0, delayMax: 60, diskMax: 400, crash: 500, actEveryMs: 200, proposeEveryMs: 400 },
    ...{ lose: 150, repeat: 300, cut: 250, isolate: 50, resign: 0, pause: 300, checkpoint: 0, changeVoters: 0, loseDisk: 0 },
  },
} as const

/** Many records, in short epochs. */
const busy = {
  ...{ electionTimeoutMs: 100, actEveryMs: 200, proposeEveryMs: 10, lose: 150, repeat: 0, cut: 0 },
  ...{ checkpoint: 0, changeVoters: 0, loseDisk: 0, isStatic: false },
} as const

/** Voters are replaced while disks are lost. */
const losing = {
  ...{ voters: 3, spares: 2, isStatic: false, isAutoJoin: true, loseDisk: 60, changeVoters: 300 },
  ...{ lose: 50, repeat: 300, resign: 60, checkpoint: 0 },
} as const

/** Short epochs, crashes and cuts. */
const rough = {
  ...{ electionTimeoutMs: 100, delayMax: 20, diskMax: 30, crash: 150, actEveryMs: 100, proposeEveryMs: 40 },
  ...{ cut: 100, isolate: 150, pause: 100 },
} as const

/** Three voters without other faults. */
const calm = {
  ...{ electionTimeoutMs: 300, voters: 3, spares: 0, isStatic: false, delayMax: 20, diskMax: 5, actEveryMs: 150, proposeEveryMs: 40 },
  ...{ crash: 0, pause: 0, cut: 0, isolate: 0, lose: 0, repeat: 0, resign: 0, checkpoint: 0, changeVoters: 0 },
} as const

export const bugs: readonly Bug[] = [
  {
    name: 'votes before the disk has the vote',
    changes: [
      {
        file: 'outputs',
        from: 's.tickets.push({ ticket, end: s.log.end, hasVote })\n  if (hasVote) s.votesInFlight++',
        to: 's.tickets.push({ ticket, end: s.log.end, hasVote: false })',
      },
    ],
    options: contested,
    seeds: 40,
    rule: /invariant [12]/,
  },
  {
    name: 'forgets its vote in a pre-vote',
    changes: [{ file: 'transitions', from: '  const granted = [s.me.id]\n', to: '  s.voted = undefined\n  const granted = [s.me.id]\n' }],
    options: contested,
    seeds: 40,
    rule: /invariant [12]/,
  },
  {
    name: 'raises the high watermark with records of an older epoch',
    changes: [{ file: 'progress', from: ' && upTo > role.startOffset) commit', to: ') commit' }],
    options: { weather: { ...busy, voters: 3, spares: 1, delayMax: 20, diskMax: 5, crash: 300, isolate: 150, resign: 60, pause: 100 } },
    seeds: 40,
    rule: /invariant [56]|invariant 3/,
  },
  {
    name: 'counts unsynced records of the leader',
    changes: [{ file: 'progress', from: 'isMe ? s.log.syncedEnd', to: 'isMe ? s.log.end' }],
    options: stormy,
    seeds: 40,
    rule: /invariant 3/,
  },
  {
    name: 'uses a voter set from its commit on',
    changes: [
      {
        file: 'state',
        from: 'export const votersOf = (s: RaftState): VoterSet => s.voterHistory.last.voters',
        to: 'export const votersOf = (s: RaftState): VoterSet => ((hasUncommittedVoters(s) ? s.voterHistory.previous : undefined) ?? s.voterHistory.last).voters',
      },
    ],
    options: changing,
    seeds: 40,
    rule: /invariant [13568]/,
  },
  {
    name: 'starts a change of the voters while another is uncommitted',
    changes: [
      { file: 'voter-changes', from: '!isReady(s, role) || hasUncommittedVoters(s) || role.change !== undefined', to: '!isReady(s, role)' },
      {
        file: 'voter-changes',
        from: "  assert(isReady(s, role) && !hasUncommittedVoters(s), 'one change of voters is uncommitted at a time')\n",
        to: '',
      },
    ],
    options: changing,
    seeds: 40,
    rule: /invariant 8/,
  },
  {
    name: 'accepts a snapshot above the high watermark',
    changes: [{ file: 'snapshots', from: "  assert(offset <= s.highWatermark, 'a snapshot contains committed records only')\n", to: '' }],
    options: { weather: { ...stormy.weather, checkpoint: 200 }, isCheckpointAtEnd: true },
    seeds: 40,
    rule: /invariant 7/,
  },
  {
    name: 'truncates below its high watermark',
    changes: [{ file: 'outputs', from: "  assert(to >= s.highWatermark, 'committed records are never truncated')\n", to: '' }],
    options: { weather: { ...calm, loseDisk: 60 }, isAmnesic: true },
    seeds: 40,
    rule: /invariant 3: the high watermark is in the log/,
  },
  {
    name: 'counts a repeated vote twice',
    changes: [
      { file: 'election', from: '  if (granted.includes(from) || rejected.includes(from)) return\n', to: '' },
      {
        file: 'election',
        from: 'for (const voter of votersOf(s)) if (ids.includes(voter.id)) count++',
        to: 'for (const id of ids) if (votersOf(s).some((voter) => voter.id === id)) count++',
      },
    ],
    options: { weather: { ...contested.weather, voters: 5, diskMax: 5, delayMax: 150, crash: 300, electionTimeoutMs: 150 } },
    firstSeed: 40,
    seeds: 40,
    rule: /invariant [1-6]|an epoch has one leader/,
  },
  {
    name: 'leads again in an epoch in which it has led before a restart',
    changes: [
      {
        file: 'machine',
        from: 'isSameKey(s.voted, s.me)) becomeResigned(s, out)',
        to: "isSameKey(s.voted, s.me)) s.role = { type: 'candidate', since: 0, deadline: now + 1500, isLost: false, granted: [s.me.id], rejected: [] }",
      },
    ],
    options: {
      weather: {
        ...contested.weather,
        electionTimeoutMs: 300,
        spares: 1,
        delayMax: 4,
        crash: 300,
        actEveryMs: 40,
        lose: 50,
        repeat: 0,
        pause: 0,
      },
    },
    seeds: 40,
    rule: /invariant 4|no record of its epoch/,
  },
  {
    name: 'grants votes to candidates with an older log',
    changes: [
      {
        file: 'state',
        from: 'return lastEpoch > own || (lastEpoch === own && endOffset >= s.log.end)',
        to: 'return lastEpoch >= 0 || own < endOffset',
      },
    ],
    options: stormy,
    seeds: 40,
    rule: /invariant 5|never truncated/,
  },
  {
    name: 'acknowledges records before they are durable',
    changes: [{ file: 'following', from: ' || s.log.syncedEnd < s.log.end || s.tickets.length > 0) return', to: ') return' }],
    options: stormy,
    seeds: 40,
    rule: /invariant 3/,
  },
  {
    name: 'votes in place of the replica that had its id on a lost disk',
    changes: [
      {
        file: 'election',
        from: "  id === s.me.id && (directory === '' || directory === s.me.directory)",
        to: "  id === s.me.id && (directory === '' || directory !== ' ')",
      },
    ],
    options: { weather: { ...losing, ...rough, spares: 0, loseDisk: 300, changeVoters: 0 } },
    seeds: 40,
    rule: /invariant [15]/,
  },
  {
    name: 'accepts the late reply to a fetch that it has repeated',
    changes: [{ file: 'following', from: '  pause(s, s.requests.get(late)!)\n', to: '' }],
    options: { weather: { electionTimeoutMs: 300, delayMax: 300, repeat: 300, spares: 2 } },
    seeds: 40,
    rule: /no gap|invariant/,
  },
  {
    name: 'excludes a leader that removed itself from elections before this is committed',
    changes: [{ file: 'state', from: '  if (isVoter(s)) return true\n', to: '  if (isVoter(s) || s.epoch >= 0) return isVoter(s)\n' }],
    options: changing,
    seeds: 40,
    rule: /liveness/,
  },
  {
    name: 'rejects pre-votes as an observer that has lost its leader',
    changes: [{ file: 'election', from: ' && role.hasFetched && s.now < role.deadline)', to: ' && role.hasFetched)' }],
    options: {
      weather: {
        ...losing,
        electionTimeoutMs: 300,
        delayMax: 4,
        diskMax: 30,
        crash: 0,
        actEveryMs: 100,
        proposeEveryMs: 100,
        cut: 0,
        isolate: 50,
        pause: 0,
      },
    },
    seeds: 40,
    rule: /liveness/,
  },
]
