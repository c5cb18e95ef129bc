import { describe, expect, test } from 'vitest'
import { ByteBudget } from '../../../src/base/byte-budget.ts'
import { below, chance, nextWord, type Prng, prng } from '../../../src/base/prng.ts'
import { anonymous } from '../../../src/network/client-session.ts'
import { ReadGate } from '../../../src/network/read-gate.ts'
import { ReceiveBuffers, receiveBlockBytes } from '../../../src/network/receive-buffers.ts'
import { type Admission, type HeldBytes, RequestQueue } from '../../../src/network/request-queue.ts'
import { type Received, RequestReader } from '../../../src/network/request-reader.ts'

const kib = 1024
const scratch = { base: 0, bytes: 64 * kib }

/** A connection that is only read. `onOpen` is called when its last pause reason is removed. */
const readOnly = (onOpen: () => void): RequestQueue => {
  const gate = new ReadGate({ onPause: () => {}, onOpen })
  return new RequestQueue({
    session: { listener: '', host: '', principal: anonymous },
    gate,
    unsentBytes: 0,
    send: () => {},
    close: () => {},
  })
}

interface Parts {
  readonly memory: ReceiveBuffers
  readonly arena: Buffer
  copied: number
  readonly stash: ByteBudget
  make(frame: (body: Buffer, held: HeldBytes) => Admission, queue?: RequestQueue): RequestReader
}

function parts(memoryBytes: number, requestBytesMax = 300 * kib, stashBytes = 16 << 20): Parts {
  const arena = Buffer.alloc(scratch.bytes + memoryBytes)
  const memory = new ReceiveBuffers(scratch.bytes, memoryBytes)
  const made: Parts = {
    memory,
    arena,
    copied: 0,
    stash: new ByteBudget(stashBytes),
    make: (frame, queue = readOnly(() => {})) =>
      new RequestReader(
        {
          memory,
          bytes: arena,
          view: new DataView(arena.buffer, arena.byteOffset, arena.length),
          scratch,
          spill: made.stash,
          requestBytesMax,
          frame: (_, start, end, held) => frame(arena.subarray(start, end), held),
          onCopy: (bytes) => {
            made.copied += bytes
          },
        },
        queue,
      ),
  }
  return made
}

/** A client, its connection, and the frames that are still in use. */
class Conversation {
  readonly requestReader: RequestReader
  readonly #queue = readOnly(() => this.#process(() => this.requestReader.retry()))
  readonly #random: Prng
  readonly #arena: Buffer
  readonly #sent: Buffer[] = []
  #unread = Buffer.alloc(0)
  #window: { at: number; bytes: number }
  state: Received = 'read'
  taken = 0
  busy = 0
  readonly held: { held: HeldBytes; body: Buffer; copy: Buffer }[] = []

  constructor(made: Parts, random: Prng) {
    this.#random = random
    this.#arena = made.arena
    this.requestReader = made.make((body, held) => this.#frame(body, held), this.#queue)
    this.#window = this.requestReader.window()
  }

  get isDone(): boolean {
    return this.taken === this.#sent.length && this.#unread.length === 0
  }

  send(bytes: number): void {
    const body = Buffer.alloc(bytes, nextWord(this.#random) & 0xff)
    const size = Buffer.alloc(4)
    size.writeInt32BE(bytes)
    this.#sent.push(body)
    this.#unread = Buffer.concat([this.#unread, size, body])
  }

  /** As in Node: the window of the next read is requested after the last one is processed. */
  read(): void {
    if (this.state !== 'read' || this.#unread.length === 0) return
    const most = Math.min(this.#window.bytes, this.#unread.length)
    const bytes = chance(this.#random, 500) ? most : 1 + below(this.#random, most)
    this.#unread.copy(this.#arena, this.#window.at, 0, bytes)
    this.#unread = this.#unread.subarray(bytes)
    this.#process(() => this.requestReader.received(this.#window.at, bytes))
    this.#window = this.requestReader.window()
    expect(this.#window.bytes).toBeGreaterThan(0)
  }

  retry(): void {
    this.#queue.gate.resume('ring-full')
    this.#queue.gate.resume('receive-memory')
  }

  rest(): void {
    if (this.state === 'read' && this.requestReader.rest()) this.#window = this.requestReader.window()
  }

  release(): void {
    const used = this.held.shift()
    if (used === undefined) return
    expect(used.body.equals(used.copy)).toBe(true)
    used.held.release()
  }

  #process(step: () => Received): void {
    this.#queue.gate.enter()
    this.state = step()
    expect(this.#queue.gate.isOpen).toBe(this.state === 'read')
    this.#queue.gate.leave()
  }

  #frame(body: Buffer, held: HeldBytes): Admission {
    if (chance(this.#random, this.busy)) {
      this.#queue.gate.pause('ring-full')
      return 'later'
    }
    expect(body.equals(this.#sent[this.taken]!)).toBe(true)
    this.taken++
    if (chance(this.#random, 500)) {
      held.hold()
      this.held.push({ held, body, copy: Buffer.from(body) })
    }
    return 'taken'
  }
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  'request reader: frames arrive whole, in order, and undisturbed while in use, seed %i',
  (seed) => {
    const p = prng(seed)
    const made = parts([512 * kib, 1024 * kib, 4096 * kib][seed % 3]!)
    const total = made.memory.freeBytes
    const conversations = Array.from({ length: 2 + below(p, 5) }, () => new Conversation(made, p))
    for (let step = 0; step < 800; step++) {
      const one = conversations[below(p, conversations.length)]!
      one.busy = chance(p, 300) ? 300 : 0
      if (chance(p, 150)) one.send(1 + (chance(p, 60) ? below(p, 200 * kib) : below(p, 3 * kib)))
      if (chance(p, 600)) one.read()
      if (chance(p, 150)) one.retry()
      if (chance(p, 150)) one.release()
      if (chance(p, 50)) one.rest()
    }
    for (let round = 0; round < 3000 && !conversations.every((one) => one.isDone); round++) {
      for (const one of conversations) {
        one.busy = 0
        one.release()
        one.retry()
        one.read()
        one.rest()
      }
    }
    expect(conversations.map((one) => one.isDone)).toEqual(conversations.map(() => true))
    for (const one of conversations) {
      one.requestReader.close()
      while (one.held.length > 0) one.release()
    }
    expect(made.memory.freeBytes).toBe(total)
    expect(made.stash.freeBytes).toBe(16 << 20)
    expect(made.memory.take(total)).toBe(scratch.bytes)
  },
)

describe('request reader: an requestReader', () => {
  const frameOf = (size: number, bytes = 4): Buffer => {
    const out = Buffer.alloc(bytes)
    out.writeInt32BE(size)
    return out
  }
  const feed = (made: Parts, requestReader: RequestReader, bytes: Buffer): Received => {
    const { at } = requestReader.window()
    bytes.copy(made.arena, at)
    return requestReader.received(at, bytes.length)
  }

  test.each([0, -1, -2147483648, 300 * kib + 1, 2147483647])('closes on a frame that claims %i bytes', (size) => {
    const made = parts(1024 * kib)
    expect(
      feed(
        made,
        made.make(() => 'taken'),
        frameOf(size),
      ),
    ).toEqual({ close: `a request of ${size} bytes` })
  })

  test('gives a frame with a large size field no more memory than its arrived bytes need', () => {
    const made = parts(64 << 20, 60 << 20)
    const requestReader = made.make(() => 'taken')
    expect(feed(made, requestReader, frameOf(50 << 20, 1000))).toBe('read')
    expect((64 << 20) - made.memory.freeBytes).toBeLessThanOrEqual(2 << 20)
  })

  test('has no memory before the first bytes arrive', () => {
    const made = parts(1024 * kib)
    made.make(() => 'taken').window()
    expect(made.memory.freeBytes).toBe(1024 * kib)
  })

  test('copies few bytes of a sequence of frames of one size', () => {
    const made = parts(16 << 20, 8 << 20)
    const random = prng(5)
    const one = new Conversation(made, random)
    for (let i = 0; i < 400; i++) {
      one.send(16 * kib + 100)
      while (!one.isDone) one.read()
      while (one.held.length > 3) one.release()
    }
    expect(made.copied).toBeLessThan((400 * 16 * kib) / 5)
  })

  test('closes on a frame that its memory could never hold, at its size', () => {
    const made = parts(512 * kib, 1024 * kib)
    const at = (size: number): Received =>
      feed(
        made,
        made.make(() => 'taken'),
        frameOf(size),
      )
    expect(at(512 * kib - 3)).toEqual({ close: expect.stringContaining('larger than the receive buffers') })
    expect(at(512 * kib - 4)).toBe('read')
  })

  test('accepts a frame as large as its memory, without a copy elsewhere', () => {
    const made = parts(8 << 20, 8 << 20, 0)
    const one = new Conversation(made, prng(3))
    one.send((8 << 20) - 4)
    for (let reads = 0; reads < 10_000 && !one.isDone; reads++) one.read()
    expect(one.taken).toBe(1)
  })

  test('that finds neither memory nor room in the spill buffer is closed', () => {
    const made = parts(128 * kib, 300 * kib, 1000)
    for (let i = 0; i < 2; i++) made.memory.take(64 * kib)
    const intakes = Array.from({ length: 3 }, () => made.make(() => 'taken'))
    expect(intakes.slice(0, 2).map((requestReader) => feed(made, requestReader, frameOf(5000, 500)))).toEqual(['pause', 'pause'])
    expect(feed(made, intakes[2]!, frameOf(5000, 500))).toEqual({ close: expect.stringContaining('the receive buffers are full') })
    expect(intakes[0]!.retry()).toBe('pause')
    intakes[0]!.close()
    expect(made.stash.freeBytes).toBe(500)
  })

  test('that found no memory continues when there is some', () => {
    const made = parts(128 * kib)
    const taken = [made.memory.take(64 * kib), made.memory.take(64 * kib)]
    let frames = 0
    const requestReader = made.make(() => {
      frames++
      return 'taken'
    })
    expect(feed(made, requestReader, frameOf(96, 100))).toBe('pause')
    expect(requestReader.isMidFrame).toBe(true)
    expect(requestReader.retry()).toBe('pause')
    made.memory.release(taken[0]!, 64 * kib)
    expect(requestReader.retry()).toBe('read')
    expect(frames).toBe(1)
  })
})

describe('request reader: receive buffers', () => {
  test('allocates blocks that do not overlap, and merges them again', () => {
    const p = prng(9)
    const memory = new ReceiveBuffers(4096, 8 << 20)
    const taken: { at: number; bytes: number }[] = []
    for (let step = 0; step < 4000; step++) {
      if (chance(p, 520)) {
        const bytes = 1 + below(p, chance(p, 100) ? 4 << 20 : 300 * kib)
        const size = memory.sizeFor(bytes)!
        const at = memory.take(bytes)
        if (at < 0) continue
        expect((at - 4096) % size).toBe(0)
        for (const other of taken) expect(at + size <= other.at || other.at + memory.sizeFor(other.bytes)! <= at).toBe(true)
        taken.push({ at, bytes })
      } else if (taken.length > 0) {
        const [{ at, bytes }] = taken.splice(below(p, taken.length), 1) as [{ at: number; bytes: number }]
        memory.release(at, bytes)
      }
      const used = taken.reduce((sum, { bytes }) => sum + memory.sizeFor(bytes)!, 0)
      expect(memory.freeBytes).toBe(memory.bytes - used)
    }
    for (const { at, bytes } of taken) memory.release(at, bytes)
    expect(memory.take(8 << 20)).toBe(4096)
    expect(memory.take(1)).toBe(-1)
  })

  test('rejects sizes above its limits', () => {
    const memory = new ReceiveBuffers(0, 4 * receiveBlockBytes)
    expect(memory.sizeFor(1)).toBe(receiveBlockBytes)
    expect(memory.sizeFor(4 * receiveBlockBytes + 1)).toBeUndefined()
    expect(() => new ReceiveBuffers(0, 3 * receiveBlockBytes)).toThrow('power of two')
  })
})
