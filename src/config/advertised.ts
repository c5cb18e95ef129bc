import { isEverywhere } from './listeners.ts'
import { controllerNames } from './relations.ts'
import type { Settings } from './settings.ts'

/**
 * Addresses that clients of each listener receive. A port chosen by the system is taken from `bound`. Clients of a listener on every
 * interface without an advertised address receive the host name of the machine.
 */
export function advertisedAddresses(
  settings: Settings,
  bound: ReadonlyMap<string, number>,
  hostname: string,
): ReadonlyMap<string, { readonly host: string; readonly port: number }> {
  const clients = settings.listeners.filter(({ name }) => !controllerNames(settings).includes(name))
  return new Map(
    clients.map((listener) => {
      const given = settings['advertised.listeners']?.find(({ name }) => name === listener.name)
      const host = given?.host ?? (isEverywhere(listener.host) ? hostname : listener.host)
      const port = given !== undefined && given.port !== 0 ? given.port : (bound.get(listener.name) ?? listener.port)
      return [listener.name, { host, port }]
    }),
  )
}
