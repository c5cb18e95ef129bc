import type { Alteration } from '../config/alterations.ts'
import type { EffectiveConfig } from '../config/topic-configs.ts'
import type { QuotaImage } from '../metadata/cluster-image.ts'
import type { ObjectImage } from '../metadata/storage-image.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { WalMark } from '../ports/storage-metadata.ts'
import type { KafkaError } from '../wire/errors.ts'

/** A broker that sends a command. The controller rejects commands of earlier starts of the broker. */
export interface BrokerId {
  readonly brokerId: number
  readonly brokerEpoch: number
}

/** Commands of the controller and their responses. Ids that must be random are part of the command. */
export interface Commands {
  readonly createTopics: {
    readonly request: { readonly topics: readonly NewTopic[]; readonly validateOnly: boolean }
    readonly response: readonly CreatedTopic[]
  }
  readonly createPartitions: {
    readonly request: { readonly topics: readonly MorePartitions[]; readonly validateOnly: boolean }
    readonly response: readonly CommandResult[]
  }
  readonly deleteTopics: {
    readonly request: { readonly topics: readonly TopicRef[] }
    readonly response: readonly DeletedTopic[]
  }
  readonly allocateProducerIds: { readonly request: { readonly count: number }; readonly response: { readonly first: bigint } }
  /** The response is the resulting start of the log; undefined when the partition is deleted. */
  readonly moveLogStart: {
    readonly request: { readonly partitionId: PartitionId; readonly offset: bigint }
    readonly response: bigint | undefined
  }
  /** One row for each resource, in the order of the request: each is changed as a whole, or not at all. */
  readonly alterConfigs: {
    readonly request: { readonly resources: readonly ResourceAlteration[]; readonly validateOnly: boolean }
    readonly response: readonly CommandResult[]
  }
  readonly alterClientQuotas: {
    readonly request: { readonly entries: readonly QuotaAlteration[]; readonly validateOnly: boolean }
    readonly response: readonly QuotaResult[]
  }
  /** A start of a broker, with the state of the WALs of its lanes, except those that are recorded later. */
  readonly registerBroker: {
    readonly request: { readonly brokerId: number; readonly wals: readonly WalMark[] }
    readonly response: { readonly brokerEpoch: number }
  }
  /** Ids for `count` objects that the broker will store, `first` and the ones after it. */
  readonly allocateObjectIds: {
    readonly request: { readonly broker: BrokerId; readonly count: number }
    readonly response: { readonly error: KafkaError; readonly first: number }
  }
  /** Stored objects become readable, and the objects that they replace are marked, together with the state of the WAL. */
  readonly commitObjects: {
    readonly request: {
      readonly broker: BrokerId
      readonly objects: readonly ObjectImage[]
      /** The new objects contain the records of these. Objects that were removed meanwhile are ignored. */
      readonly replaced: readonly number[]
      /** Null: unchanged. */
      readonly wal: WalMark | null
    }
    readonly response: { readonly error: KafkaError }
  }
  /** A partition is compacted by key up to `offset`: the objects replace its records in the objects `replaced`. */
  readonly commitCleaning: {
    readonly request: {
      readonly broker: BrokerId
      readonly partitionId: PartitionId
      readonly offset: bigint
      readonly objects: readonly ObjectImage[]
      readonly replaced: readonly number[]
    }
    readonly response: { readonly error: KafkaError }
  }
  /** Marks all unreferenced objects; they are no longer read. The response contains them. */
  readonly markUnreferenced: {
    readonly request: { readonly broker: BrokerId }
    readonly response: { readonly error: KafkaError; readonly objects: readonly ObjectImage[] }
  }
  /** The store no longer contains these objects. */
  readonly removeObjects: {
    readonly request: { readonly broker: BrokerId; readonly objectIds: readonly number[] }
    readonly response: { readonly error: KafkaError }
  }
  readonly markWal: {
    readonly request: { readonly broker: BrokerId; readonly wal: WalMark }
    readonly response: { readonly error: KafkaError }
  }
  /** The broker has stored all records of its WALs; it continues with another number of lanes after a start. See `StorageMetadata`. */
  readonly changeLanes: {
    readonly request: { readonly broker: BrokerId; readonly lanes: number; readonly incarnation: number }
    readonly response: { readonly error: KafkaError }
  }
  /** An operator has accepted that acknowledged records are lost. The WALs are valid from then on. */
  readonly acceptLoss: {
    readonly request: {
      readonly broker: BrokerId
      readonly lost: readonly { readonly partitionId: PartitionId; readonly start: bigint; readonly end: bigint }[]
      readonly wals: readonly WalMark[]
    }
    readonly response: { readonly error: KafkaError }
  }
}
export type CommandType = keyof Commands
export type Command = { [T in CommandType]: { readonly type: T } & Commands[T]['request'] }[CommandType]
export type ResponseTo<C extends Command> = Commands[C['type']]['response']

/** Sends commands to the active controller. */
export interface ControllerClient {
  /** Resolves once the change in the response is durable and served here. Rejects with ControllerBusy. */
  request<C extends Command>(command: C): Promise<ResponseTo<C>>
}

/** The queue of the controller is full. */
export class ControllerBusy extends Error {}

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

export interface CommandResult {
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

export interface QuotaResult {
  /** In the order of the record. */
  readonly entity: QuotaImage['entity']
  readonly error: KafkaError
  readonly message: string | null
}

export interface CreatedTopic extends CommandResult {
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
