import { resourceType } from '../config/config-entry.ts'
import type { NodeConfigs } from '../config/node-configs.ts'
import { configsOf, type Image } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'

/** Result of a command: records, and an answer that is valid once they are replayed. Running a command changes nothing. */
export interface Outcome<A> {
  readonly records: readonly MetadataRecord[]
  readonly answer: A
}

/** Partitions that one request may add: limits the records of a command. */
export const partitionsMax = 10_000

/** Id and configs of the node, in addition to the image. */
export interface ControllerNode {
  readonly nodeId: number
  readonly configs: NodeConfigs
}

/** Updates the settings from the image's configs of this node. */
export function followConfigs({ nodeId, configs }: ControllerNode, image: Image): void {
  configs.follow(configsOf(image, resourceType.broker, ''), configsOf(image, resourceType.broker, String(nodeId)))
}

/** The first of each item, and whether more items have its name. */
export function onceEach<T>(items: readonly T[], nameOf: (item: T) => string): { readonly item: T; readonly isRepeated: boolean }[] {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1)
  const firsts = new Map<string, T>()
  for (const item of items) if (!firsts.has(nameOf(item))) firsts.set(nameOf(item), item)
  return [...firsts].map(([name, item]) => ({ item, isRepeated: counts.get(name)! > 1 }))
}
