import { blockBytes, type MetricBlock, stageTable } from '../metrics/rows.ts'

/** What the stages count, a table each. A thread has a block of its stage's rows, which it alone writes. */
export const stages = {
  network: stageTable('network', {
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
  }),
  sequencer: stageTable('sequencer', {
    batches: 'Record batches appended.',
    records: 'Records appended.',
    bytes: 'Bytes of the record batches appended.',
    refused: 'Record batches refused.',
    duplicates: 'Record batches recognised as a retry.',
    fetches: 'Fetches looked up.',
    stalls: 'Times an append found no room.',
    sleeps: 'Times the stage slept.',
  }),
  persistence: stageTable('persistence', {
    writes: 'Writes to the write-ahead log, each durable when it returned.',
    bytes: 'Bytes written to the write-ahead log.',
    sleeps: 'Times the stage slept.',
  }),
} as const

export type Stage = keyof typeof stages
export type Counters<S extends Stage> = MetricBlock<(typeof stages)[S]>

/** Room for the block of any stage. */
export const counterBlockBytes = Math.max(...Object.values(stages).map((table) => blockBytes(table)))
