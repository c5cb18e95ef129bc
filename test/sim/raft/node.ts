import { below, chance, type Prng } from '../../../src/base/prng.ts'
import type { RaftSettings } from '../../../src/raft/limits.ts'
import type { raftMachine } from '../../../src/raft/machine.ts'
import type { Batch, FetchSnapshotResponse, RaftEffect, RaftEvent, RaftRequest, RaftResponse, Voter } from '../../../src/raft/messages.ts'
import type { createRaft, RaftState } from '../../../src/raft/state.ts'
import type { DiskOperation, SimDisk } from './disk.ts'
import type { Ledger } from './ledger.ts'
import { SimLog, type StoredSnapshot } from './sim-log.ts'
import { mixed, violation } from './violation.ts'

/** The machine under test, or one with a planted bug. */
export interface Machines {
  readonly createRaft: typeof createRaft
  readonly raftMachine: typeof raftMachine
}

/** Input and output of a node. */
export interface Environment {
  readonly now: number
  /** The faults have ended. */
  readonly isHealed: boolean
  readonly random: Prng
  readonly ledger: Ledger
  readonly machines: Machines
  readonly settings: RaftSettings
  /** Voters of the configuration or the bootstrap checkpoint. */
  readonly firstVoters: readonly Voter[]
  readonly isStatic: boolean
  readonly isCheckpointAtEnd: boolean
  readonly bootstrapServers: number
  readonly figures: { snapshots: number; drops: number }
  send(node: SimNode, to: number, correlation: number, request: RaftRequest): void
  answer(node: SimNode, token: number, response: RaftResponse, snapshot: StoredSnapshot | undefined): void
  startDisk(node: SimNode): void
  startTimer(node: SimNode, at: number): void
}

/** A requester, to which an answer returns. */
export interface Requester {
  readonly node: number
  readonly life: number
  readonly correlation: number
  /** Id under which it addressed this node: a negative one is that of a bootstrap server. */
  readonly address: number
}

interface OpenProposal {
  readonly token: number
  readonly endOffset: number
  readonly acknowledgedBefore: number
}

/** Small fetches have more intermediate states; those after the faults are to end soon. */
const batchesPerFetch = 6
const batchesPerHealedFetch = 1000
const none = -1

/** A process: the machine, the log that it has written, and the state that it has applied. The disk outlives it. */
export class SimNode {
  readonly id: number
  disk: SimDisk
  life = 0
  isUp = false
  pausedUntil = 0
  /** Speed of its clock, and the time that it shows at 0. */
  readonly rate: number
  readonly clockStart: number
  timerAt = Number.POSITIVE_INFINITY
  wakeAt = Number.POSITIVE_INFINITY
  state!: RaftState
  log = new SimLog(0, [])
  applied = 0
  appliedHash = 0
  leadingEpoch = none
  highWatermark = 0
  requesters = new Map<number, Requester>()
  proposals: OpenProposal[] = []
  /** The snapshot of which pieces are being written. */
  part: StoredSnapshot | undefined
  acknowledged = 0
  refused = 0
  #acknowledgedBefore = 0
  readonly #world: Environment
  readonly #out: RaftEffect[] = []

  constructor(world: Environment, id: number, disk: SimDisk) {
    this.#world = world
    this.id = id
    this.disk = disk
    this.rate = 0.9 + below(world.random, 201) / 1000
    this.clockStart = below(world.random, 1_000_000)
  }

  get localTime(): number {
    return Math.floor(this.clockStart + this.rate * this.#world.now)
  }

  get name(): string {
    return `${this.id}${this.disk.directory}`
  }

  start(): void {
    const { disk } = this
    const { machines, settings, firstVoters, isStatic, bootstrapServers, random } = this.#world
    this.life++
    this.isUp = true
    this.pausedUntil = 0
    this.timerAt = this.wakeAt = Number.POSITIVE_INFINITY
    this.log = new SimLog(disk.log.start, [...disk.log.batches])
    const latest = disk.snapshots.at(-1)
    this.applied = this.highWatermark = latest?.offset ?? 0
    this.appliedHash = latest?.hash ?? 0
    this.leadingEpoch = none
    this.requesters = new Map()
    this.proposals = []
    this.part = undefined
    this.state = machines.createRaft({
      settings,
      me: { id: this.id, directory: disk.directory, endpoints: endpointsOf(this.id, this.life), kraftVersions: [0, 1] },
      seed: below(random, 2 ** 31),
      // A node with a new disk has bootstrap servers only: a static set would count it as the voter that it was.
      voters: disk.isFirst ? firstVoters : [],
      kraftVersion: isStatic && disk.isFirst ? 0 : 1,
      bootstrapServers,
      vote: disk.vote,
      snapshots: disk.snapshots,
      logStart: disk.log.start,
      batches: disk.log.batches,
    })
    this.step({ type: 'started', now: this.localTime })
  }

  /** The process ends. What was being written may be durable in part. */
  crash(): void {
    const { disk } = this
    const { random } = this.#world
    while (disk.queue.length > 0 && chance(random, 300)) disk.apply(disk.queue.shift()!)
    const torn = disk.queue.shift()
    if (torn !== undefined) disk.apply(torn, below(random, 3))
    disk.queue.length = 0
    this.isUp = false
    this.life++
  }

  /** One event, after a tick when the clock has moved. */
  step(event: RaftEvent): void {
    const { raftMachine } = this.#world.machines
    const now = this.localTime
    if (event.type !== 'started' && event.type !== 'tick' && now > this.state.now) {
      raftMachine.step(this.state, { type: 'tick', now }, this.#out)
    }
    raftMachine.step(this.state, event, this.#out)
    const out = this.#out
    for (let i = 0; i < out.length; i++) this.#perform(out[i]!)
    out.length = 0
    this.#check()
  }

  propose(token: number, sizes: readonly number[]): void {
    this.#acknowledgedBefore = this.#world.ledger.acknowledged
    const batches = sizes.map((count) => ({ count, bytes: 60 + 40 * count, payload: token }))
    this.step({ type: 'propose', token, epoch: this.leadingEpoch, batches })
  }

  /** Takes a snapshot of the applied state, if there is something new in it. */
  checkpoint(): void {
    const { state } = this
    const latest = this.disk.snapshots.at(-1)?.offset ?? 0
    if (this.#world.isCheckpointAtEnd && this.log.end > this.applied) {
      this.#write({ type: 'checkpoint', snapshot: this.snapshotAt(this.log.end, this.appliedHash) })
      return
    }
    const isBusy = this.disk.queue.some(({ type }) => type !== 'persist') || state.installing !== undefined
    if (this.applied <= latest || isBusy) return
    this.#write({ type: 'checkpoint', snapshot: this.snapshotAt(this.applied, this.appliedHash) })
  }

  snapshotAt(offset: number, hash: number): StoredSnapshot {
    const { voters, kraftVersion } = this.state.voterHistory.at(offset)
    return { offset, epoch: this.state.log.epochs.epochBefore(offset), bytes: 200 + (offset % 700), hash, voters, kraftVersion }
  }

  #write(operation: DiskOperation): void {
    this.disk.queue.push(operation)
    if (this.disk.queue.length === 1) this.#world.startDisk(this)
  }

  /** The first operation of the queue is durable. */
  written(): void {
    const operation = this.disk.queue.shift()!
    this.disk.apply(operation)
    if (this.disk.queue.length > 0) this.#world.startDisk(this)
    if (operation.type === 'persist') this.step({ type: 'persisted', ticket: operation.ticket })
    else if (operation.type === 'checkpoint') {
      this.#world.ledger.checkSnapshot(operation.snapshot)
      this.step({ type: 'checkpointed', snapshot: operation.snapshot })
    } else this.#installed(operation.ticket, operation.isWhole ? operation.snapshot : undefined)
  }

  /** Invariant 7: a leader never loads a snapshot. */
  #installed(ticket: number, snapshot: StoredSnapshot | undefined): void {
    if (snapshot !== undefined) {
      if (this.leadingEpoch !== none) violation('7: a leader loads a snapshot')
      this.#world.ledger.checkSnapshot(snapshot)
      this.#world.figures.snapshots++
      this.log = new SimLog(snapshot.offset, [])
      if (snapshot.offset < this.applied) violation('6: a snapshot is older than the applied state')
      this.applied = snapshot.offset
      this.appliedHash = snapshot.hash
    }
    this.step({ type: 'installed', ticket, snapshot })
  }

  fetchedPiece(from: number, correlation: number, response: FetchSnapshotResponse, snapshot: StoredSnapshot): void {
    this.part = snapshot
    this.step({ type: 'fetchedPiece', to: from, correlation, response })
  }

  #perform(effect: RaftEffect): void {
    const world = this.#world
    switch (effect.type) {
      case 'persist':
        if (effect.truncateTo !== undefined) this.log.truncate(effect.truncateTo)
        for (const batch of effect.batches) this.#append(batch)
        this.#write(effect)
        return
      case 'send':
        world.send(this, effect.to, effect.correlation, effect.request)
        return
      case 'answer':
        this.#answer(effect)
        return
      case 'appended':
        this.proposals.push({ token: effect.token, endOffset: effect.endOffset, acknowledgedBefore: this.#acknowledgedBefore })
        return
      case 'refused':
        this.refused++
        this.proposals = this.proposals.filter(({ token }) => token !== effect.token)
        return
      case 'committed':
        this.#commit(effect.upTo)
        return
      case 'leading':
        this.leadingEpoch = effect.epoch
        world.ledger.elected(effect.epoch, this.name, this.log)
        return
      case 'following':
        this.leadingEpoch = none
        return
      case 'install':
        this.#install(effect.ticket)
        return
      case 'dropBelow':
        this.#world.figures.drops++
        this.log.dropBelow(effect.offset)
        this.disk.dropBelow(effect.offset)
        return
      case 'wake':
        this.wakeAt = effect.at
        this.setTimer()
        return
    }
  }

  setTimer(): void {
    const at = Math.max(Math.ceil((this.wakeAt - this.clockStart) / this.rate), this.#world.now)
    if (at < this.timerAt) this.#world.startTimer(this, at)
  }

  #append(batch: Batch): void {
    const { ledger, firstVoters } = this.#world
    this.log.append(batch)
    if (batch.control !== undefined && this.state.role.type === 'leader') ledger.checkVoters(this.log, this.#votersAtStart(firstVoters))
  }

  #votersAtStart(first: readonly Voter[]): readonly Voter[] {
    const base = this.disk.snapshots.find(({ offset }) => offset === this.log.start)
    return base !== undefined && base.kraftVersion > 0 ? base.voters : first
  }

  #answer({ token, response, attachment }: Extract<RaftEffect, { type: 'answer' }>): void {
    let snapshot: StoredSnapshot | undefined
    const { ledger, random, isHealed } = this.#world
    if (attachment?.type === 'batches') {
      const from = this.log.indexOf(attachment.from)
      const batches = this.log.batches.slice(from, from + 1 + below(random, isHealed ? batchesPerHealedFetch : batchesPerFetch))
      for (const batch of batches) ledger.visible(batch)
      // The response was made for this answer, and is not sent before the batches are in it.
      const own = response as { batches: readonly Batch[] }
      own.batches = batches
    } else if (attachment?.type === 'piece') snapshot = this.disk.snapshots.find(({ offset }) => offset === attachment.id.offset)
    this.#world.answer(this, token, response, snapshot)
  }

  #install(ticket: number): void {
    const snapshot = this.part
    if (snapshot === undefined) violation('7: a snapshot is installed that was not fetched')
    this.part = undefined
    this.#write({ type: 'install', ticket, snapshot, isWhole: !chance(this.#world.random, 50) })
  }

  #commit(upTo: number): void {
    const { ledger } = this.#world
    if (upTo <= this.highWatermark) violation(`3: the high watermark goes back from ${this.highWatermark} to ${upTo}`)
    this.highWatermark = upTo
    let last: Batch | undefined
    for (let i = this.log.indexOf(this.applied); this.applied < upTo; i++) {
      const batch = this.log.batches[i]
      if (batch === undefined || batch.baseOffset !== this.applied) violation(`6: no record to apply at ${this.applied}`)
      if (ledger.applied(batch)) last = batch
      this.applied = batch.endOffset
      this.appliedHash = mixed(mixed(this.appliedHash, batch.baseOffset), batch.epoch)
    }
    if (last !== undefined) this.#checkMajority(last)
    while (this.proposals.length > 0 && this.proposals[0]!.endOffset <= upTo) {
      const { endOffset, acknowledgedBefore } = this.proposals.shift()!
      ledger.acknowledge(endOffset, acknowledgedBefore)
      this.acknowledged++
    }
  }

  /** Invariant 3, by the world. */
  majorityHas: (node: SimNode, batch: Batch) => boolean = () => true

  #checkMajority(batch: Batch): void {
    if (!this.majorityHas(this, batch)) violation(`3: the record at ${batch.baseOffset} is committed, and not durable on a majority`)
  }

  /** After every event. */
  #check(): void {
    const { state } = this
    const { log, role } = state
    if (role.type === 'leader') this.#world.ledger.checkLeader(state.epoch, this.name)
    if (state.highWatermark !== this.highWatermark && state.highWatermark !== this.applied)
      violation('3: the high watermark changes unnoticed')
    if (log.end !== this.log.end || log.start !== this.log.start) violation('4: the log differs from its index')
    if (log.syncedEnd > log.end || state.highWatermark > log.end) violation('3: the high watermark is in the log')
    if (state.epoch < this.disk.vote.epoch) violation('2: the epoch goes back')
    if (log.start > 0 && !this.disk.snapshots.some(({ offset }) => offset === log.start)) violation('7: the log starts at a snapshot')
  }
}

/** Endpoints change with some restarts. */
const endpointsOf = (id: number, life: number) => [{ listener: 'CONTROLLER', host: `node-${id}`, port: 9000 + (life >> 2) }]
