import { Actor } from '../actor/actor.ts'
import { assert } from '../base/assert.ts'
import { copyImage, type MutableImage } from '../metadata/image.ts'
import type { MetadataFollower } from '../metadata/metadata-follower.ts'
import type { MetadataLog } from '../metadata/metadata-log.ts'
import { encodeRecord, type MetadataRecord } from '../metadata/records.ts'
import { SnapshotWriter } from '../metadata/snapshot-writer.ts'
import { type Command, ControllerBusy, type ControllerClient, type ResponseTo } from './commands.ts'
import { rejectedWhileFull } from './full-disk.ts'
import { type ControllerEffect, type ControllerEvent, controllerMachine, controllerState } from './machine.ts'
import type { ControllerNode } from './outcome.ts'

interface Waiting {
  readonly resolve: (response: never) => void
  readonly reject: (error: Error) => void
}

export interface ControllerParts {
  readonly node: ControllerNode
  /** The image of the log. The controller works on a copy. */
  readonly image: MutableImage
  readonly log: MetadataLog
  readonly follower: MetadataFollower
  /** The node can no longer guarantee durability and must stop. */
  failed(error: Error): void
}

/** Commands that arrive in one turn of the event loop, and the events of the controller itself. */
const mailboxMax = 200_000
const commandsPerTurnMax = 100_000

/**
 * The active controller of the cluster, and the leader of its metadata log.
 *
 * Order of a change: durable, in the image of the follower, performed by its publishers, response sent.
 */
export class Controller implements ControllerClient {
  readonly #parts: ControllerParts
  readonly #snapshots: SnapshotWriter
  readonly #actor: Actor<unknown, ControllerEvent, ControllerEffect>
  readonly #waiting = new Map<number, Waiting>()
  #tickets = 0
  /** Commands since the last turn. */
  #arrived = 0
  #isTurning = false

  constructor(parts: ControllerParts) {
    this.#parts = parts
    this.#snapshots = new SnapshotWriter(parts.log)
    this.#actor = new Actor(
      controllerMachine,
      controllerState(parts.node, copyImage(parts.image)),
      {
        append: ({ records }) => this.#append(records),
        committed: ({ records }) => this.#committed(records),
        respond: ({ ticket, response }) => this.#respond(ticket, response),
        reject: ({ ticket }) => this.#take(ticket).reject(new ControllerBusy('The controller queue is full.')),
      },
      mailboxMax,
    ) as Actor<unknown, ControllerEvent, ControllerEffect>
  }

  request<C extends Command>(command: C): Promise<ResponseTo<C>> {
    const rejected = this.#parts.log.isFull ? rejectedWhileFull(command) : undefined
    if (rejected !== undefined) return Promise.resolve(rejected as ResponseTo<C>)
    return new Promise((resolve, reject) => {
      const ticket = this.#tickets++
      this.#waiting.set(ticket, { resolve, reject })
      const isAccepted = this.#arrived < commandsPerTurnMax && this.#actor.send({ type: 'command', ticket, command })
      if (isAccepted) this.#schedule()
      else this.#take(ticket).reject(new ControllerBusy('The controller queue is full.'))
    })
  }

  /** Commands of one turn of the event loop share an append. */
  #schedule(): void {
    if (this.#arrived++ > 0) return
    void Promise.resolve().then(() => {
      this.#arrived = 0
      this.#turn({ type: 'turnEnded' })
    })
  }

  /** A handler of an effect may send another event; one loop handles all. */
  #turn(event: ControllerEvent): void {
    assert(this.#actor.send(event), 'the mailbox has room for the events of the controller')
    if (this.#isTurning) return
    this.#isTurning = true
    try {
      while (this.#actor.turn() > 0);
      this.#isTurning = false
    } catch (error) {
      // A broken invariant: no further decisions are made.
      this.#parts.failed(error as Error)
    }
  }

  #append(records: readonly MetadataRecord[]): void {
    void this.#parts.log.append(records.map(encodeRecord)).then(() => this.#turn({ type: 'appended' }))
  }

  /** The next append has not begun, so the image of the follower equals the log. */
  #committed(records: readonly MetadataRecord[]): void {
    const { follower } = this.#parts
    follower.follow(records)
    this.#snapshots.consider(follower.image)
  }

  #respond(ticket: number, response: unknown): void {
    const waiting = this.#take(ticket)
    void this.#parts.follower.published.then(() => waiting.resolve(response as never))
  }

  #take(ticket: number): Waiting {
    const waiting = this.#waiting.get(ticket)
    assert(waiting !== undefined, `ticket ${ticket} waits for a response`)
    this.#waiting.delete(ticket)
    return waiting
  }
}
