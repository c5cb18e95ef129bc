import { blockBytes, type MetricBlock, stageTable } from '../metrics/rows.ts'

/** Counters of the stages, one table for each. A thread has a block with the rows of its stage and is its only writer. */
export const stages = {
  network: stageTable('network', {
    requests: 'Complete requests received.',
    bytes_in: 'Bytes received from clients.',
    bytes_out: 'Bytes written to client sockets.',
    connections: 'Connections accepted.',
    disconnections: 'Connections closed.',
    refused_frames: 'Requests for which the broker closed the connection.',
    produce_requests: 'Produce requests.',
    fetch_requests: 'Fetch requests.',
    pauses: 'Times the broker paused reading from a connection because a limit was reached.',
    copied_bytes: 'Bytes of requests that were copied once more because they outgrew their receive buffer.',
    wakes: 'Times another stage woke the sleeping event loop.',
  }),
  sequencer: stageTable('sequencer', {
    batches: 'Record batches appended.',
    records: 'Records appended.',
    bytes: 'Bytes of the record batches appended.',
    refused: 'Record batches rejected.',
    duplicates: 'Record batches recognized as duplicates of a retry.',
    fetches: 'Fetches processed.',
    stalls: 'Times an append found no room in the log cache.',
    sleeps: 'Times the stage slept.',
  }),
  persistence: stageTable('persistence', {
    writes: 'Writes to the write-ahead log, each durable on return.',
    bytes: 'Bytes written to the write-ahead log.',
    sleeps: 'Times the stage slept.',
  }),
} as const

export type Stage = keyof typeof stages
export type Counters<S extends Stage> = MetricBlock<(typeof stages)[S]>

/** Size of a block that fits any stage. */
export const counterBlockBytes = Math.max(...Object.values(stages).map((table) => blockBytes(table)))
