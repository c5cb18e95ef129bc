import type { Machine } from '../actor/actor.ts'
import { assert, unreachable } from '../base/assert.ts'
import { noTexts, resourceType } from '../config/config-entry.ts'
import { partitionSettings } from '../config/topic-configs.ts'
import { type Image, type MutableImage, replay, type TopicImage } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import type { PartitionSettings } from '../ports/partitions.ts'
import { alterClientQuotas } from './alter-client-quotas.ts'
import { alterConfigs } from './alter-configs.ts'
import { createPartitions } from './create-partitions.ts'
import { createTopics } from './create-topics.ts'
import { deleteTopics } from './delete-topics.ts'
import type { Command, ControllerEffect, ControllerEvent, TopicChange } from './messages.ts'
import { type ControllerNode, followConfigs, type Outcome } from './outcome.ts'

interface Asked {
  readonly ticket: number
  readonly command: Command
}

export interface ControllerState {
  readonly node: ControllerNode
  readonly image: MutableImage
  readonly waiting: Asked[]
  /** The records being written, and the answers that wait for them. */
  pending: { readonly records: readonly MetadataRecord[]; readonly answers: readonly { ticket: number; answer: unknown }[] } | undefined
}

/** Maximum number of commands that wait for the current write. Facts are exempt: they come from the node itself and are always few. */
export const commandsMax = 10_000

export const controllerState = (node: ControllerNode, image: MutableImage): ControllerState => ({
  node,
  image,
  waiting: [],
  pending: undefined,
})

/**
 * Converts commands to records one after another; each command sees the effects of all earlier ones.
 *
 * Invariant: the image changes only by replay of durable records, and an answer is sent after its records are replayed.
 */
export const controllerMachine: Machine<ControllerState, ControllerEvent, ControllerEffect> = {
  step(state, event, out) {
    switch (event.type) {
      case 'asked':
        if (state.waiting.length >= commandsMax && event.command.type !== 'record') out.push({ type: 'refuse', ticket: event.ticket })
        else state.waiting.push({ ticket: event.ticket, command: event.command })
        break
      case 'appended':
        finish(state, out)
        break
      default:
        unreachable(event)
    }
    advance(state, out)
  },
}

function finish(state: ControllerState, out: ControllerEffect[]): void {
  const pending = state.pending
  assert(pending !== undefined, 'an append was requested')
  state.pending = undefined
  const changes: TopicChange[] = []
  const changesNode = pending.records.some((record) => record.type === 'configsChanged' && record.resourceType === resourceType.broker)
  for (const record of pending.records) {
    const before = topicOf(state.image, record)
    replay(state.image, record)
    const change = changeOf(record, before, topicOf(state.image, record))
    if (change !== undefined) changes.push(change)
  }
  if (changesNode) changes.push(...followNode(state))
  out.push({ type: 'replayed', records: pending.records, changes })
  for (const { ticket, answer } of pending.answers) out.push({ type: 'answer', ticket, answer })
}

/** A default that topics do not override may have changed. */
function followNode({ node, image }: ControllerState): TopicChange[] {
  const before = partitionSettings(noTexts, node.configs.settings)
  followConfigs(node, image)
  if (isSame(before, partitionSettings(noTexts, node.configs.settings))) return []
  return [...image.topics.values()].map(({ name, topicId, partitionIds }) => ({
    type: 'configured',
    name,
    topicId,
    partitionIds,
    touched: partitionIds,
  }))
}

const isSame = (a: PartitionSettings, b: PartitionSettings): boolean =>
  (Object.keys(a) as (keyof PartitionSettings)[]).every((key) => a[key] === b[key])

function advance(state: ControllerState, out: ControllerEffect[]): void {
  while (state.pending === undefined && state.waiting.length > 0) {
    const asked = takeTogether(state.waiting)
    const outcomes = asked.map(({ ticket, command }) => ({ ticket, ...run(state, command) }))
    const records = outcomes.flatMap((outcome) => outcome.records)
    if (records.length > 0) {
      state.pending = { records, answers: outcomes }
      out.push({ type: 'append', records })
    } else for (const { ticket, answer } of outcomes) out.push({ type: 'answer', ticket, answer })
  }
}

/** Facts have no conditions, so adjacent waiting facts share a write. */
function takeTogether(waiting: Asked[]): Asked[] {
  let count = 0
  while (count < waiting.length && waiting[count]!.command.type === 'record') count++
  return waiting.splice(0, Math.max(count, 1))
}

function run({ image, node }: ControllerState, command: Command): Outcome<unknown> {
  switch (command.type) {
    case 'createTopics':
      return createTopics(image, node, command)
    case 'createPartitions':
      return createPartitions(image, node, command)
    case 'deleteTopics':
      return deleteTopics(image, command)
    case 'allocateProducerIds': {
      const first = image.nextProducerId
      return { records: [{ type: 'producerIdsAllocated', next: first + BigInt(command.count) }], answer: { first } }
    }
    case 'moveLogStart': {
      const known = image.partitions.get(command.partitionId)
      if (known === undefined || command.offset <= known.logStartOffset) return { records: [], answer: known?.logStartOffset }
      return { records: [{ type: 'logStartMoved', partitionId: command.partitionId, offset: command.offset }], answer: command.offset }
    }
    case 'alterConfigs':
      return alterConfigs(image, node, command)
    case 'alterClientQuotas':
      return alterClientQuotas(image, command)
    case 'record':
      return { records: command.records, answer: undefined }
    default:
      return unreachable(command)
  }
}

function topicOf(image: Image, record: MetadataRecord): TopicImage | undefined {
  if ('topicId' in record) return image.topicsById.get(record.topicId)
  return record.type === 'logStartMoved' ? image.topicsById.get(image.partitions.get(record.partitionId)?.topicId ?? '') : undefined
}

function changeOf(record: MetadataRecord, before: TopicImage | undefined, after: TopicImage | undefined): TopicChange | undefined {
  const topic = after ?? before
  if (topic === undefined) return undefined
  const { name, topicId, partitionIds } = topic
  const change = { name, topicId, partitionIds }
  switch (record.type) {
    case 'topicCreated':
      return { ...change, type: 'created', touched: partitionIds }
    case 'partitionsAdded':
      return { ...change, type: 'grown', touched: record.partitionIds }
    case 'topicDeleted':
      return { ...change, type: 'deleted', touched: partitionIds }
    case 'topicConfigChanged':
      return { ...change, type: 'configured', touched: partitionIds }
    case 'logStartMoved':
      return { ...change, type: 'trimmed', touched: [record.partitionId] }
    default:
      return undefined
  }
}
