import type { NodeConfigs } from '../config/node-configs.ts'
import type { MetadataRecord } from '../metadata/records.ts'

/** Result of a command: records, and a response that is valid once they are durable. Running a command changes nothing. */
export interface Outcome<R> {
  readonly records: readonly MetadataRecord[]
  readonly response: R
}

/** Partitions that one request may add: limits the records of a command. */
export const partitionsMax = 10_000

/** Id and configs of the node, in addition to the image. */
export interface ControllerNode {
  readonly nodeId: number
  readonly configs: NodeConfigs
}

/** The first of each item, and whether more items have its name. */
export function onceEach<T>(items: readonly T[], nameOf: (item: T) => string): { readonly item: T; readonly isRepeated: boolean }[] {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1)
  const firsts = new Map<string, T>()
  for (const item of items) if (!firsts.has(nameOf(item))) firsts.set(nameOf(item), item)
  return [...firsts].map(([name, item]) => ({ item, isRepeated: counts.get(name)! > 1 }))
}
