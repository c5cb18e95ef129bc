import { describe, expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../../src/base/prng.ts'
import { type GateOwner, PausedGates, type PauseReason, ReadGate } from '../../../src/network/read-gate.ts'

class Owner implements GateOwner {
  readonly gate = new ReadGate(this)
  readonly calls: string[] = []
  onPause(): void {
    this.calls.push('pause')
  }
  onOpen(): void {
    this.calls.push('open')
  }
}

describe('read gate: read gate', () => {
  test('opens when the last of several reasons is removed', () => {
    const { gate, calls } = new Owner()
    gate.pause('queue-full')
    gate.pause('receive-memory')
    gate.pause('queue-full')
    expect([gate.isOpen, gate.isPausedFor('queue-full'), gate.isPausedFor('send-queue')]).toEqual([false, true, false])
    gate.resume('queue-full')
    gate.resume('send-queue')
    expect(calls).toEqual(['pause'])
    gate.resume('receive-memory')
    expect([calls, gate.isOpen]).toEqual([['pause', 'open'], true])
  })

  test('does not open for a reason that is not set', () => {
    const { gate, calls } = new Owner()
    gate.resume('ring-full')
    expect(calls).toEqual([])
  })

  test('does not stop reads itself while bytes are processed: the reader does', () => {
    const { gate, calls } = new Owner()
    gate.enter()
    gate.pause('ring-full')
    gate.leave()
    expect(calls).toEqual([])
    gate.resume('ring-full')
    expect(calls).toEqual(['open'])
  })

  test('retries a frame whose reason is removed before its processing ends', () => {
    const { gate, calls } = new Owner()
    gate.enter()
    gate.pause('ring-full')
    gate.resume('ring-full')
    expect(calls).toEqual([])
    gate.leave()
    expect(calls).toEqual(['open'])
    gate.enter()
    gate.leave()
    expect(calls).toEqual(['open'])
  })
})

describe('read gate: gates that wait for a shared resource', () => {
  /** A connection that takes one unit of a resource at each resume, and pauses when there is none. */
  const consumers = (gates: PausedGates, resource: { units: number }, count: number): string[] => {
    const served: string[] = []
    for (let i = 0; i < count; i++) {
      const gate: ReadGate = new ReadGate({
        onPause: () => {},
        onOpen: () => {
          if (resource.units === 0) return gates.pause(gate)
          resource.units--
          served.push(`${i}`)
          gates.pause(gate)
        },
      })
      gates.pause(gate)
    }
    return served
  }

  test('are resumed in order, each once', () => {
    const gates = new PausedGates('receive-memory')
    const served = consumers(gates, { units: 10 }, 3)
    gates.resumeAll()
    expect([served, gates.count]).toEqual([['0', '1', '2'], 3])
  })

  test('are resumed until one finds the resource exhausted, and continue with the next', () => {
    const gates = new PausedGates('ring-full')
    const resource = { units: 0 }
    const served = consumers(gates, resource, 3)
    gates.resumeUntilExhausted()
    resource.units = 5
    gates.resumeUntilExhausted()
    gates.resumeUntilExhausted()
    expect(served).toEqual(['1', '2'])
  })

  test('are not resumed after their connection is closed', () => {
    const gates = new PausedGates('ring-full')
    const owner = new Owner()
    gates.pause(owner.gate)
    gates.delete(owner.gate)
    gates.resumeAll()
    expect([owner.calls, gates.count]).toEqual([['pause'], 0])
  })

  test('are resumed in one loop when a resumed connection resumes others', () => {
    const gates = new PausedGates('ring-full')
    let depth = 0
    let depthMax = 0
    let opened = 0
    for (let i = 0; i < 20_000; i++) {
      const gate = new ReadGate({
        onPause: () => {},
        onOpen: () => {
          opened++
          depthMax = Math.max(depthMax, ++depth)
          gates.resumeAll()
          depth--
        },
      })
      gates.pause(gate)
    }
    gates.resumeAll()
    expect([opened, depthMax, gates.count]).toEqual([20_000, 1, 0])
  })
})

const reasons: readonly PauseReason[] = ['queue-full', 'send-queue', 'forwarded-request', 'earlier-fetch', 'batch-memory', 'receive-memory']

/** A connection with frames that are deferred, and resumed at any time: also while they are processed. */
class ModelConnection implements GateOwner {
  readonly gate = new ReadGate(this)
  readonly #random: Prng
  isReading = true
  received = 0
  processed = 0
  /** Frames are accepted from now on. */
  isSynchronous = false

  constructor(random: Prng) {
    this.#random = random
  }

  onPause(): void {
    expect(this.isReading).toBe(true)
    this.isReading = false
  }

  onOpen(): void {
    this.#process()
    this.isReading = this.gate.isOpen
  }

  read(frames: number): void {
    expect(this.gate.isOpen).toBe(true)
    this.received += frames
    this.#process()
    this.isReading = this.gate.isOpen
  }

  #process(): void {
    this.gate.enter()
    while (this.processed < this.received) {
      expect(this.gate.isOpen).toBe(true)
      const isDeferred = !this.isSynchronous && chance(this.#random, 400)
      if (isDeferred) {
        this.gate.pause(reasons[below(this.#random, reasons.length)]!)
        while (chance(this.#random, 300)) this.gate.pause(reasons[below(this.#random, reasons.length)]!)
        while (chance(this.#random, 500)) this.gate.resume(reasons[below(this.#random, reasons.length)]!)
        break
      }
      this.processed++
    }
    this.gate.leave()
  }
}

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  'read gate: no wake-up is lost under random pauses and resumes, seed %i',
  (seed) => {
    const random = prng(seed)
    const connection = new ModelConnection(random)
    const { gate } = connection
    const check = (): void => {
      expect(connection.isReading).toBe(gate.isOpen)
      expect(gate.isOpen).toBe(reasons.every((reason) => !gate.isPausedFor(reason)))
      // A frame waits only while a reason is set.
      if (gate.isOpen) expect(connection.processed).toBe(connection.received)
    }
    for (let step = 0; step < 1000; step++) {
      const dice = below(random, 10)
      if (dice < 4) {
        if (connection.isReading) connection.read(1 + below(random, 4))
      } else if (dice < 9) {
        for (const reason of reasons) if (chance(random, 500)) gate.resume(reason)
      } else gate.pause(reasons[below(random, reasons.length)]!)
      check()
    }
    connection.isSynchronous = true
    for (const reason of reasons) gate.resume(reason)
    check()
    expect([gate.isOpen, connection.processed]).toEqual([true, connection.received])
    expect(connection.processed).toBeGreaterThan(150)
  },
)
