import { setTimeout as pause } from 'node:timers/promises'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/wire/api/10-find-coordinator.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/wire/api/22-init-producer-id.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { WireClient } from '../../support/wire-client.ts'
import type { Ports } from './comparison.ts'

const settings = {
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '4',
  'group.initial.rebalance.delay.ms': '0',
  'num.partitions': '2',
  'log.retention.ms': '-1',
}

/** A broker with all that Kafka begins late. */
export async function startReady(kind: 'kafka' | 'millrace'): Promise<Broker> {
  const broker = await startBroker({ kind, settings })
  try {
    await untilReady(broker.port)
    return broker
  } catch (error) {
    await broker.remove()
    throw error
  }
}

/** A Kafka and a Millrace with the same settings. */
export async function startBoth(): Promise<{ readonly ports: Ports; readonly remove: () => Promise<unknown> }> {
  const kafka = await startReady('kafka')
  try {
    const millrace = await startReady('millrace')
    return { ports: { kafka: kafka.port, millrace: millrace.port }, remove: () => Promise.all([kafka.remove(), millrace.remove()]) }
  } catch (error) {
    await kafka.remove()
    throw error
  }
}

async function untilReady(port: number): Promise<void> {
  const client = await WireClient.open(port)
  for (let tries = 0; tries < 400; tries++) {
    const { errorCode } = await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 2, { key: 'g' })
    const { errorCode: noProducer } = await client.call(InitProducerIdRequest, InitProducerIdResponse, 0, { transactionalId: null })
    if (errorCode === 0 && noProducer === 0) return client.close()
    await pause(25)
  }
  throw new Error('no coordinator or no producer ids after ten seconds')
}
