import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/wire/api/10-find-coordinator.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/wire/api/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/wire/api/12-heartbeat.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/wire/api/14-sync-group.ts'
import { createTopic } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { freePorts } from '../../support/broker.ts'
import { Connection, connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, fetchRequest, metadata, produce, readFetch, readProduce } from '../../support/requests.ts'
import type { S3Server } from '../../support/s3/server.ts'
import { WireClient } from '../../support/wire-client.ts'
import { protocols } from '../../unit/group/group-world.ts'
import type { CrashWorld } from '../crash/crash-world.ts'
import { boundMib, crashWorldOn, storeForBroker, storeForLog, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 90_000
/** Maximum time of a response that does not need the store, while the store is unavailable. */
const answerMs = 8000
const receiveMib = 8
const timedOut = 7

/** A group member that is the leader of its group. */
async function joined(port: number): Promise<{ client: WireClient; heartbeat: () => Promise<number> }> {
  const client = await WireClient.open(port)
  await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g' })
  const join = (memberId: string) =>
    client.call(JoinGroupRequest, JoinGroupResponse, 7, {
      groupId: 'g',
      memberId,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: 'consumer',
      protocols: protocols('range'),
    })
  const { memberId } = await join('')
  const { generationId } = await join(memberId)
  const assignments = [{ memberId, assignment: Buffer.alloc(4) }]
  await client.call(SyncGroupRequest, SyncGroupResponse, 5, {
    groupId: 'g',
    generationId,
    memberId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments,
  })
  const heartbeat = () =>
    client.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId: 'g', generationId, memberId }).then((a) => a.errorCode)
  return { client, heartbeat }
}

/** Rejects when the result takes longer than a response that does not need the store. */
const soon = <T>(work: Promise<T>): Promise<T> =>
  Promise.race([
    work,
    new Promise<never>((_, reject) => setTimeout(() => reject(new Error(`no answer within ${answerMs} ms`)), answerMs).unref()),
  ])

describe.each([
  ['on a disk', 1, () => storeForBroker()],
  ['in the store', 1, () => storeForLog('&maxUnflushedBytes=4MiB')],
  ['on a disk, in three lanes,', 3, () => storeForBroker()],
  ['in the store, in three lanes,', 3, () => storeForLog('&maxUnflushedBytes=4MiB')],
] as const)('a log %s that is full', (_place, lanes, open) => {
  let world: CrashWorld
  let server: S3Server
  let metricsPort = 0
  /** How often the broker has stopped reading from a connection because a limit was reached. */
  const pauses = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    return Number(/^millrace_stage_network_pauses_total (\d+)/m.exec(text)![1])
  }

  beforeAll(async () => {
    metricsPort = (await freePorts(1))[0]!
    ;({ server, world } = await crashWorldOn(open(), seed, {
      settings: {
        lanes: String(lanes),
        'offsets.topic.num.partitions': '1',
        'queued.max.requests.size.bytes': `${receiveMib}MiB`,
        'socket.request.max.bytes': '4194304',
        'group.initial.rebalance.delay.ms': '0',
        'metrics.listener': `http://127.0.0.1:${metricsPort}`,
      },
      timeoutMs: 1500,
    }))
  }, limitMs)

  afterAll(async () => {
    await world?.broker.remove()
    await server?.stop()
  })

  test(
    `answers producers with a timeout, serves other clients, and has every record once and in order when the store returns (seed ${seed})`,
    long(limitMs),
    async () => {
      const { port } = world.broker
      const { client, heartbeat } = await joined(port)
      await connected(port, (connection) => createTopic(connection, 'other', 1))
      await world.load(1000)
      await server.stop()
      await until(async () => {
        await world.load(1000)
        return world.timeOuts > 0
      })
      const during = world.acknowledged

      // More than the receive buffers contain, from connections that all send requests.
      const pausesBefore = await pauses()
      const flood = await Promise.all(Array.from({ length: 24 }, () => Connection.open(port)))
      const records = encodeBatch([{ value: Buffer.alloc(900_000, 1) }])
      const answers = flood.map(
        async (each) =>
          readProduce(await each.call(api.produce, produce([{ topic: 'other', partition: 0, records }], 1, null, 1500)))[0]!.error,
      )
      const over = Promise.allSettled(answers)
      await until(async () => (await pauses()) > pausesBefore)
      expect(await soon(heartbeat())).toBe(0)
      await connected(port, async (connection) => {
        await soon(connection.call(api.metadata, metadata(['crash'])))
        const { parts } = readFetch(await soon(connection.call(api.fetch, fetchRequest([{ topic: 'other', partition: 0, offset: 0n }]))))
        expect(parts[0]!.error).toBe(0)
      })
      expect(await soon(heartbeat())).toBe(0)
      expect(world.broker.figures().rssMib).toBeLessThan(boundMib(receiveMib, lanes))

      await server.start()
      // The next attempt with the store may be later.
      await until(async () => {
        await world.load(500)
        return world.acknowledged > during
      })
      await world.settle()
      await world.verifyFromStart()
      // For some connections there was no memory, and they have ended. No request waits forever.
      const responses = (await over).flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      expect(responses.filter((error) => error !== 0 && error !== timedOut)).toEqual([])
      for (const each of flood) await each.close()
      client.close()
    },
  )
})
