import { isEverywhere } from './listeners.ts'
import { controllerNames } from './relations.ts'
import type { Settings } from './settings.ts'

/**
 * What clients of each listener are told to dial. A port that was left to the system is the one in `bound`; where a listener has every
 * interface and nothing is advertised, its clients get the machine's own name.
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
