import type { Alteration } from '../config/alterations.ts'
import type { EffectiveConfig } from '../config/topic-configs.ts'
import type { QuotaImage } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import type { StreamId } from '../ports.ts'
import type { KafkaError } from '../wire/errors.ts'

/** What can be asked of the controller, and what it answers. Ids that must be random come with the question. */
export interface Questions {
  readonly createTopics: {
    readonly ask: { readonly topics: readonly NewTopic[]; readonly validateOnly: boolean }
    readonly answer: readonly CreatedTopic[]
  }
  readonly createPartitions: {
    readonly ask: { readonly topics: readonly MorePartitions[]; readonly validateOnly: boolean }
    readonly answer: readonly Verdict[]
  }
  readonly deleteTopics: { readonly ask: { readonly topics: readonly TopicRef[] }; readonly answer: readonly DeletedTopic[] }
  readonly allocateProducerIds: { readonly ask: { readonly count: number }; readonly answer: { readonly first: bigint } }
  /** The answer is where the log starts by then; undefined when the stream is gone. */
  readonly moveLogStart: { readonly ask: { readonly stream: StreamId; readonly offset: bigint }; readonly answer: bigint | undefined }
  /** A row for each resource, in the order of the request: each is changed as a whole, or not at all. */
  readonly alterConfigs: {
    readonly ask: { readonly resources: readonly ResourceAlteration[]; readonly validateOnly: boolean }
    readonly answer: readonly Verdict[]
  }
  readonly alterClientQuotas: {
    readonly ask: { readonly entries: readonly QuotaAlteration[]; readonly validateOnly: boolean }
    readonly answer: readonly QuotaVerdict[]
  }
  /** Facts that nobody can object to. */
  readonly record: { readonly ask: { readonly records: readonly MetadataRecord[] }; readonly answer: undefined }
}
export type Question = keyof Questions
export type Command = { [Q in Question]: { readonly type: Q } & Questions[Q]['ask'] }[Question]
export type AnswerTo<C extends Command> = Questions[C['type']]['answer']

export interface NewTopic {
  readonly name: string
  /** To be given to it, if it comes to be. */
  readonly topicId: string
  /** -1: as the node's settings say. */
  readonly partitions: number
  readonly replicationFactor: number
  readonly assignments: readonly { readonly partition: number; readonly brokers: readonly number[] }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

export interface Verdict {
  readonly name: string
  readonly error: KafkaError
  /** For people; null where all went well. */
  readonly message: string | null
}

export interface ResourceAlteration {
  readonly resourceType: number
  readonly name: string
  /** What is not among the changes goes. */
  readonly replaces: boolean
  readonly changes: readonly Alteration[]
}

export interface QuotaAlteration {
  readonly entity: QuotaImage['entity']
  readonly changes: readonly { readonly key: string; readonly value: number; readonly remove: boolean }[]
}

export interface QuotaVerdict {
  /** In the order in which it is kept. */
  readonly entity: QuotaImage['entity']
  readonly error: KafkaError
  readonly message: string | null
}

export interface CreatedTopic extends Verdict {
  readonly topicId: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly configs: readonly EffectiveConfig[]
}

export interface MorePartitions {
  readonly name: string
  /** How many it is to have. */
  readonly count: number
  /** The brokers of each new partition; null leaves it to the controller. */
  readonly assignments: readonly (readonly number[])[] | null
}

/** By name, or by id where the name is null. */
export interface TopicRef {
  readonly name: string | null
  readonly topicId: string
}

export interface DeletedTopic extends TopicRef {
  readonly error: KafkaError
  readonly message: string | null
}

/** What the machine hears. A ticket is the asker's, and comes back with what belongs to it. */
export type ControllerEvent =
  | { readonly type: 'asked'; readonly ticket: number; readonly command: Command }
  /** What the last `append` asked for is durable. */
  | { readonly type: 'appended' }

/** What the machine wants. At most one `append` is out at a time. */
export type ControllerEffect =
  | { readonly type: 'append'; readonly records: readonly MetadataRecord[] }
  /** The image has these now. */
  | { readonly type: 'replayed'; readonly records: readonly MetadataRecord[]; readonly changes: readonly TopicChange[] }
  | { readonly type: 'answer'; readonly ticket: number; readonly answer: unknown }
  | { readonly type: 'refuse'; readonly ticket: number }

/** What a replayed record did to topics and their streams, for those who keep tables of their own. */
export interface TopicChange {
  readonly type: 'created' | 'grown' | 'deleted' | 'configured' | 'trimmed'
  readonly name: string
  readonly topicId: string
  /** All of the topic's, in the order of its partitions. */
  readonly streams: readonly StreamId[]
  /** Those that the change is about. */
  readonly touched: readonly StreamId[]
}
