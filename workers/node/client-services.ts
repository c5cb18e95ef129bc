import { hostname } from 'node:os'
import type { HttpServer } from '../../native-free-io/net/http.ts'
import type { StoreHealth } from '../../native-free-io/store/store-health.ts'
import type { Pipeline } from '../../native-free-io/threads/pipeline.ts'
import type { Address } from '../../src/broker/cluster-view.ts'
import { advertisedAddresses } from '../../src/config/advertised.ts'
import { storeName } from '../../src/config/store-uri.ts'
import type { Registry } from '../../src/metrics/registry.ts'
import { Health } from '../../src/node/health.ts'
import type { Service } from '../../src/node/services.ts'
import { faultText } from '../../src/object-store/store-faults.ts'
import type { StoreFault } from '../../src/ports/object-store.ts'
import type { Founded, NodeInputs } from './found.ts'
import { openHttp } from './open-http.ts'
import { clientListeners } from './open-pipeline.ts'
import { every } from './timers.ts'

/** A bound listener. */
export type ListenerAddress = Address & { readonly name: string }

export interface Serving {
  /** Bound addresses of the listeners, once they are open. */
  readonly addresses: ListenerAddress[]
  /** The advertised address of each listener, for the broker. */
  readonly advertised: Map<string, Address>
  /** Clients are served. */
  isReady: boolean
  /** Clients have been served. */
  hasServed: boolean
}

/** The checks of the store and the disk, the listeners, and the HTTP endpoint. `checked`: the first check of the store. */
export function clientServices(
  { configs, log }: NodeInputs,
  { location, room }: Founded,
  pipeline: Pipeline,
  { health: storeHealth, checked }: { readonly health: StoreHealth; readonly checked: Promise<StoreFault | undefined> },
  { serving, metrics }: { readonly serving: Serving; readonly metrics: Registry },
): readonly Service[] {
  const { settings } = configs
  const health = pipelineHealth(pipeline, () => room.waiting > 0)
  let http: HttpServer | undefined
  return [
    {
      name: 'object store check',
      async start() {
        const late = await checked
        if (late === undefined) return
        log.warn({ store: storeName(location) }, `the object store does not take objects yet: ${faultText(late)}`)
      },
      stop: () => storeHealth.stop(),
    },
    { name: 'disk check', stop: () => room.close() },
    {
      name: 'listeners',
      async start() {
        const advertise = (bound: ReadonlyMap<string, number>): void => {
          for (const [name, address] of advertisedAddresses(settings, bound, hostname())) serving.advertised.set(name, address)
        }
        advertise(new Map())
        const ports = await pipeline.listen()
        serving.hasServed = true
        serving.addresses.push(...clientListeners(settings).map(({ name, host }, index) => ({ name, host, port: ports[index]! })))
        advertise(new Map(serving.addresses.map(({ name, port }) => [name, port])))
      },
    },
    { name: 'health', start: () => health.start(), stop: () => health.stop() },
    {
      name: 'HTTP endpoint',
      async start() {
        const listener = settings['metrics.listener']
        if (listener === null) return
        http = await openHttp(configs.given.has('metrics.listener'), log, {
          ...listener,
          metrics: () => metrics.text(),
          problems: () => health.problems,
          isReady: () => serving.isReady && !storeHealth.isRejecting,
        })
        log.info({ host: listener.host, port: http.port }, 'serving metrics')
      },
      stop: () => http?.close(),
    },
    {
      name: 'readiness',
      start() {
        serving.isReady = true
      },
      stop() {
        serving.isReady = false
      },
    },
  ]
}

const pipelineHealth = (pipeline: Pipeline, isDiskFull: () => boolean): Health =>
  new Health({
    now: () => performance.now(),
    every,
    lanes: pipeline.lanes.all.map((lane) => ({
      get published() {
        return lane.published
      },
      get durable() {
        return lane.durable
      },
      get isDiskFull() {
        return isDiskFull()
      },
      ping: () => lane.call({ type: 'offsets', partitionId: 0 }),
    })),
  })
