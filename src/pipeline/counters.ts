/** What the stages count, a row each: the name is part of a metric's name, the text its help. All only grow. */
export const counterRows = {
  network: {
    requests: 'Requests that arrived whole.',
    bytes_in: 'Bytes received from clients.',
    bytes_out: 'Bytes handed to the sockets of clients.',
    connections: 'Connections accepted.',
    disconnections: 'Connections that ended.',
    refused_frames: 'Requests that made the broker close their connection.',
    produce_requests: 'Produce requests.',
    fetch_requests: 'Fetch requests.',
    pauses: 'Times a connection was not read because a bound was reached.',
    copied_bytes: 'Bytes moved a second time on their way in: frames that outgrew their segment.',
    wakes: 'Times the event loop slept and was woken by another stage.',
  },
  sequencer: {
    batches: 'Record batches appended.',
    records: 'Records appended.',
    bytes: 'Bytes of the record batches appended.',
    refused: 'Record batches refused.',
    duplicates: 'Record batches recognised as a retry.',
    fetches: 'Fetches looked up.',
    stalls: 'Times an append found no room.',
    sleeps: 'Times the stage slept.',
  },
  persistence: {
    writes: 'Writes to the write-ahead log, each durable when it returned.',
    bytes: 'Bytes written to the write-ahead log.',
    sleeps: 'Times the stage slept.',
  },
} as const

export type Stage = keyof typeof counterRows
export type CounterRow<S extends Stage> = keyof (typeof counterRows)[S]

/** One block of rows a stage and thread; 128 bytes apart, so that no two writers share a line. */
export const counterBlockBytes = 256

/** The rows of one thread. It alone writes them; anybody may read. */
export class Counters<S extends Stage> {
  readonly #values: Float64Array
  readonly #index: Readonly<Record<string, number>>

  constructor(stage: S, values: Float64Array) {
    this.#values = values
    this.#index = Object.fromEntries(Object.keys(counterRows[stage]).map((row, index) => [row, index]))
  }

  add(row: CounterRow<S>, by: number): void {
    const index = this.#index[row as string]!
    this.#values[index] = this.#values[index]! + by
  }

  read(row: CounterRow<S>): number {
    return this.#values[this.#index[row as string]!]!
  }
}
