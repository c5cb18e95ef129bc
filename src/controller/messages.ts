import type { Alteration } from '../config/alterations.ts'
import type { EffectiveConfig } from '../config/topic-configs.ts'
import type { QuotaImage } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { KafkaError } from '../wire/errors.ts'

/** Commands of the controller and their answers. Ids that must be random are part of the command. */
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
  /** The answer is the resulting start of the log; undefined when the partition is deleted. */
  readonly moveLogStart: {
    readonly ask: { readonly partitionId: PartitionId; readonly offset: bigint }
    readonly answer: bigint | undefined
  }
  /** One row for each resource, in the order of the request: each is changed as a whole, or not at all. */
  readonly alterConfigs: {
    readonly ask: { readonly resources: readonly ResourceAlteration[]; readonly validateOnly: boolean }
    readonly answer: readonly Verdict[]
  }
  readonly alterClientQuotas: {
    readonly ask: { readonly entries: readonly QuotaAlteration[]; readonly validateOnly: boolean }
    readonly answer: readonly QuotaVerdict[]
  }
  /** Unconditional records. */
  readonly record: { readonly ask: { readonly records: readonly MetadataRecord[] }; readonly answer: undefined }
}
export type Question = keyof Questions
export type Command = { [Q in Question]: { readonly type: Q } & Questions[Q]['ask'] }[Question]
export type AnswerTo<C extends Command> = Questions[C['type']]['answer']

export interface NewTopic {
  readonly name: string
  /** The id of the topic, if it is created. */
  readonly topicId: string
  /** -1: from the settings of the node. */
  readonly partitions: number
  readonly replicationFactor: number
  readonly assignments: readonly { readonly partition: number; readonly brokers: readonly number[] }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

export interface Verdict {
  readonly name: string
  readonly error: KafkaError
  /** A message for operators; null on success. */
  readonly message: string | null
}

export interface ResourceAlteration {
  readonly resourceType: number
  readonly name: string
  /** Existing configs that are not among the changes are removed. */
  readonly replaces: boolean
  readonly changes: readonly Alteration[]
}

export interface QuotaAlteration {
  readonly entity: QuotaImage['entity']
  readonly changes: readonly { readonly key: string; readonly value: number; readonly remove: boolean }[]
}

export interface QuotaVerdict {
  /** In the order of the record. */
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
  /** The total number of partitions. */
  readonly count: number
  /** The brokers of each new partition; null leaves the choice to the controller. */
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

/** Events of the machine. A ticket identifies the request of the caller, and is part of the answer. */
export type ControllerEvent =
  | { readonly type: 'asked'; readonly ticket: number; readonly command: Command }
  /** The records of the last `append` are durable. */
  | { readonly type: 'appended' }

/** Effects of the machine. At most one `append` is in progress at a time. */
export type ControllerEffect =
  | { readonly type: 'append'; readonly records: readonly MetadataRecord[] }
  /** The image contains these records now. */
  | { readonly type: 'replayed'; readonly records: readonly MetadataRecord[]; readonly changes: readonly TopicChange[] }
  | { readonly type: 'answer'; readonly ticket: number; readonly answer: unknown }
  | { readonly type: 'refuse'; readonly ticket: number }

/** Effect of a replayed record on topics and their partitions, for components with tables of their own. */
export interface TopicChange {
  readonly type: 'created' | 'grown' | 'deleted' | 'configured' | 'trimmed'
  readonly name: string
  readonly topicId: string
  /** All of the topic's, in the order of its partitions. */
  readonly partitionIds: readonly PartitionId[]
  /** Those that the change affects. */
  readonly touched: readonly PartitionId[]
}
