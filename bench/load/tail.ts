/**
 * A process that reads a topic and stays at its end: `fork`ed with a TailLoad; ends at the end offsets that it receives, or starts again
 * there until it is stopped.
 */
import { connect } from 'node:net'
import { batchAt } from '../../test/support/batch.ts'
import { Reader } from '../../test/support/bytes.ts'
import { api, fetchRequest, readFetch, requestFrame } from '../../test/support/requests.ts'
import type { FromLoad, TailLoad, TailResult, ToLoad } from './messages.ts'

const load = JSON.parse(process.argv[2]!) as TailLoad
const progressEveryMs = 250
const waitMs = 100
const mib = 1024 * 1024
const send = (message: FromLoad<TailResult>): void => void process.send!(message)

function fail(reason: string): never {
  send({ type: 'failed', reason })
  process.exit(1)
}

const startOffsets = load.startOffsets ?? new Array<number>(load.partitions).fill(0)
const offsets = Float64Array.from(startOffsets)
/** Contains one response at a time, as read from the socket. A response may exceed its limit by one batch. */
const buffer = Buffer.alloc(load.maxBytes + 2 * mib)
const trace: [number, number][] = []
let filled = 0
let bytes = 0
let records = 0
let began = 0
let ends: readonly number[] | null = null
let endsHeardAt = 0
let correlation = 0
let isStopped = false

function call(): void {
  correlation += 1
  const parts = Array.from(offsets, (offset, partition) => ({ topic: load.topic, partition, offset: BigInt(offset) }))
  const limits = { waitMs, minBytes: 1, maxBytes: load.maxBytes, partitionMaxBytes: load.partitionMaxBytes }
  socket.write(requestFrame(api.fetch, fetchRequest(parts, limits), correlation))
}

function hear(count: number): boolean {
  filled += count
  if (filled >= 4 && filled === 4 + buffer.readInt32BE(0)) {
    take(new Reader(buffer.subarray(0, filled), 8))
    filled = 0
    if (isStopped) finish()
    else if (!isAtEnd()) call()
    else if (load.isRepeated) restart()
    else finish()
  }
  if (filled === buffer.length) fail('a response is larger than its limit')
  return true
}

function take(answer: Reader): void {
  answer.skipTags()
  const { error, parts } = readFetch(answer)
  if (error !== 0) fail(`Fetch was answered with error ${error}`)
  for (const part of parts) {
    if (part.error !== 0) fail(`Fetch of partition ${part.partition} was answered with error ${part.error}`)
    takeBatches(part.partition, part.records)
  }
}

function takeBatches(partition: number, batches: Buffer): void {
  for (let at = 0; batches.length - at >= batchAt.records; ) {
    const end = at + 12 + batches.readInt32BE(at + batchAt.length)
    if (end > batches.length) return
    const baseOffset = batches.readUInt32BE(at) * 2 ** 32 + batches.readUInt32BE(at + 4)
    if (baseOffset !== offsets[partition]) fail(`offset ${baseOffset} came where ${offsets[partition]} was due`)
    if (load.isTraced && partition === 0) trace.push([baseOffset, performance.timeOrigin + performance.now()])
    const count = batches.readInt32BE(at + batchAt.lastOffsetDelta) + 1
    offsets[partition] = baseOffset + count
    records += count
    bytes += end - at
    at = end
  }
}

const isAtEnd = (): boolean => ends?.every((end, partition) => offsets[partition]! >= end) ?? false

function restart(): void {
  offsets.set(startOffsets)
  call()
}

function finish(): void {
  const now = performance.now()
  const result = {
    mib: bytes / mib,
    records,
    seconds: (now - began) / 1000,
    behindMs: now - endsHeardAt,
    trace,
  }
  process.send!({ type: 'done', result } satisfies FromLoad<TailResult>, () => process.exit(0))
}

function obey(message: ToLoad): void {
  if (message.type === 'go') {
    began = performance.now()
    call()
  } else if (message.type === 'stop') {
    isStopped = true
  } else {
    ends = message.ends
    endsHeardAt = performance.now()
  }
}

const socket = connect({
  port: load.port,
  host: '127.0.0.1',
  noDelay: true,
  onread: { buffer: () => buffer.subarray(filled), callback: hear },
})
socket.on('error', (error) => fail(error.message))
socket.once('close', () => fail('the broker closed the connection'))
socket.once('connect', () => {
  process.on('message', obey)
  process.once('disconnect', () => process.exit(1))
  send({ type: 'ready' })
})
setInterval(() => send({ type: 'progress', mib: bytes / mib }), progressEveryMs).unref()
