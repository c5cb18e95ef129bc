import type { Machine } from '../actor/actor.ts'
import { assert, unreachable } from '../base/assert.ts'
import { type MutableImage, replay } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import { alterClientQuotas } from './alter-client-quotas.ts'
import { alterConfigs } from './alter-configs.ts'
import { registerBroker } from './brokers.ts'
import type { Command } from './commands.ts'
import { createPartitions } from './create-partitions.ts'
import { createTopics } from './create-topics.ts'
import { deleteTopics } from './delete-topics.ts'
import {
  acceptLoss,
  allocateObjectIds,
  changeLanes,
  commitCleaning,
  commitObjects,
  markUnreferenced,
  markWal,
  moveLogStart,
  removeObjects,
} from './objects.ts'
import type { ControllerNode, Outcome } from './outcome.ts'

/** Events of the machine. A ticket identifies the caller of a command, and is part of the response. */
export type ControllerEvent =
  | { readonly type: 'command'; readonly ticket: number; readonly command: Command }
  /** No more commands arrive in this turn. */
  | { readonly type: 'turnEnded' }
  /** The records of the last `append` are durable. */
  | { readonly type: 'appended' }

/** Effects of the machine. At most one `append` is in progress at a time. */
export type ControllerEffect =
  | { readonly type: 'append'; readonly records: readonly MetadataRecord[] }
  /** These records are durable, in the order of the log. */
  | { readonly type: 'committed'; readonly records: readonly MetadataRecord[] }
  | { readonly type: 'respond'; readonly ticket: number; readonly response: unknown }
  | { readonly type: 'reject'; readonly ticket: number }

interface Response {
  readonly ticket: number
  readonly response: unknown
}

/** Records of one append, and the responses that depend on it. */
interface Batch {
  readonly records: MetadataRecord[]
  readonly responses: Response[]
}

export interface ControllerState {
  readonly node: ControllerNode
  /** The speculative image: it includes records that are not durable yet. Commands read it, nothing else does. */
  readonly image: MutableImage
  /** The batch that is being appended. */
  appending: Batch | undefined
  /** The batches after it. The last one is open for further commands. */
  readonly next: Batch[]
  /** Commands without a response. */
  waiting: number
}

/** Maximum number of commands of clients without a response. Commands of brokers are exempt: they are always few. */
export const commandsMax = 10_000

/** A batch with this many records gets no further command. */
const batchRecordsMax = 10_000

export const controllerState = (node: ControllerNode, image: MutableImage): ControllerState => ({
  node,
  image,
  appending: undefined,
  next: [],
  waiting: 0,
})

/**
 * The active controller: converts commands to records. Each command reads an image that includes the effects of all earlier commands, so
 * all commands of a turn, and those that arrive during an append, share one append.
 *
 * Invariant: a response is sent after all records that it depends on are durable. Settings of brokers are read as last committed.
 */
export const controllerMachine: Machine<ControllerState, ControllerEvent, ControllerEffect> = {
  step(state, event, out) {
    switch (event.type) {
      case 'command':
        accept(state, event.ticket, event.command, out)
        return
      case 'turnEnded':
        appendNext(state, out)
        return
      case 'appended':
        finish(state, out)
        appendNext(state, out)
        return
      default:
        unreachable(event)
    }
  },
}

function accept(state: ControllerState, ticket: number, command: Command, out: ControllerEffect[]): void {
  if (state.waiting >= commandsMax && !('broker' in command)) {
    out.push({ type: 'reject', ticket })
    return
  }
  const { records, response } = run(state, command)
  for (const record of records) replay(state.image, record)
  const batch = batchFor(state, records.length)
  if (batch === undefined) {
    out.push({ type: 'respond', ticket, response })
    return
  }
  state.waiting++
  batch.records.push(...records)
  batch.responses.push({ ticket, response })
}

/** Undefined for a command without records when no append is pending: its response depends on none. */
function batchFor(state: ControllerState, records: number): Batch | undefined {
  const open = state.next.at(-1)
  if (records === 0) return open ?? state.appending
  if (open !== undefined && open.records.length + records <= batchRecordsMax) return open
  const batch: Batch = { records: [], responses: [] }
  state.next.push(batch)
  return batch
}

function appendNext(state: ControllerState, out: ControllerEffect[]): void {
  if (state.appending !== undefined) return
  state.appending = state.next.shift()
  if (state.appending !== undefined) out.push({ type: 'append', records: state.appending.records })
}

function finish(state: ControllerState, out: ControllerEffect[]): void {
  const done = state.appending
  assert(done !== undefined, 'an append was in progress')
  state.appending = undefined
  out.push({ type: 'committed', records: done.records })
  for (const { ticket, response } of done.responses) out.push({ type: 'respond', ticket, response })
  state.waiting -= done.responses.length
}

function run({ image, node }: ControllerState, command: Command): Outcome<unknown> {
  switch (command.type) {
    case 'createTopics':
      return createTopics(image.cluster, node, command)
    case 'createPartitions':
      return createPartitions(image.cluster, command)
    case 'deleteTopics':
      return deleteTopics(image.cluster, command)
    case 'allocateProducerIds': {
      const first = image.cluster.nextProducerId
      return { records: [{ type: 'producerIdsAllocated', next: first + BigInt(command.count) }], response: { first } }
    }
    case 'alterConfigs':
      return alterConfigs(image.cluster, node, command)
    case 'alterClientQuotas':
      return alterClientQuotas(image.cluster, command)
    case 'registerBroker':
      return registerBroker(image, command)
    case 'moveLogStart':
      return moveLogStart(image, command)
    case 'allocateObjectIds':
      return allocateObjectIds(image, command)
    case 'commitObjects':
      return commitObjects(image, command)
    case 'commitCleaning':
      return commitCleaning(image, command)
    case 'markUnreferenced':
      return markUnreferenced(image, command)
    case 'removeObjects':
      return removeObjects(image, command)
    case 'markWal':
      return markWal(image, command)
    case 'changeLanes':
      return changeLanes(image, command)
    case 'acceptLoss':
      return acceptLoss(image, command)
    default:
      return unreachable(command)
  }
}
