/** Durable, ordered storage for the metadata log. `append` resolves when the records survive a crash. */
export interface MetadataStore {
  append(records: readonly Uint8Array[]): Promise<void>
}

/** Random bytes that cannot be predicted: topic ids, cluster ids. */
export interface Entropy {
  bytes(count: number): Uint8Array
}

/** Wall clock, milliseconds since 1970. */
export interface Clock {
  now(): number
}

/** The directory of a node, and its volume. */
export interface DataVolume {
  readonly path: string
  space(): Promise<{ readonly totalBytes: number; readonly usableBytes: number }>
}
