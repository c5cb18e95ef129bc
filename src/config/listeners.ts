import { InvalidValue, type Kind, list } from './kind.ts'

/** Addresses for clients, bound or advertised: NAME://HOST:PORT. An empty host is every interface, port 0 any free port. */
export interface Endpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

const form = /^([A-Za-z0-9_-]+):\/\/(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^[\]:/,\s]*)):(\d+)$/
const expected = 'must be a list of NAME://HOST:PORT'

/** Listener names are compared in upper case, as in Kafka. */
export const endpoints: Kind<readonly Endpoint[]> = {
  accepts: 'list of NAME://HOST:PORT',
  read(text) {
    const items = list.read(text)
    if (items instanceof InvalidValue) return items
    const found: Endpoint[] = []
    for (const item of items) {
      const [, name, bracketed, host, port] = form.exec(item) ?? []
      if (name === undefined) return new InvalidValue(`${expected}, not ${item}`)
      if (Number(port) > 65535) return new InvalidValue(`must have ports up to 65535, not ${port}`)
      found.push({ name: name.toUpperCase(), host: bracketed ?? host!, port: Number(port) })
    }
    if (new Set(found.map((endpoint) => endpoint.name)).size < found.length) return new InvalidValue('must use each listener name once')
    return found
  },
}

export const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
export type Protocol = (typeof protocols)[number]

/** Listener name to security protocol: NAME:PROTOCOL,... */
export const protocolMap: Kind<ReadonlyMap<string, Protocol>> = {
  accepts: 'list of NAME:PROTOCOL',
  read(text) {
    const items = list.read(text)
    if (items instanceof InvalidValue) return items
    const map = new Map<string, Protocol>()
    for (const item of items) {
      const [, name, protocol] = /^([A-Za-z0-9_-]+):([A-Z_]+)$/.exec(item) ?? []
      const known = protocols.find((each) => each === protocol)
      if (name === undefined || known === undefined) return new InvalidValue(`must be a list of NAME:PROTOCOL with ${protocols.join(', ')}`)
      map.set(name.toUpperCase(), known)
    }
    return map
  },
}

/** One http://HOST:PORT, or empty. */
export const httpListener: Kind<Omit<Endpoint, 'name'> | null> = {
  accepts: 'http://HOST:PORT, or empty',
  read(text) {
    if (text === '') return null
    const [, bracketed, host, port] = /^http:\/\/(?:\[([0-9A-Fa-f:.]+)\]|([^[\]:/\s]*)):(\d+)\/?$/.exec(text) ?? []
    if (port === undefined || Number(port) > 65535) return new InvalidValue('must be http://HOST:PORT, or empty for none')
    return { host: bracketed ?? host!, port: Number(port) }
  },
}

export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host)

/** A host that means every interface and so cannot be dialled. */
export const isEverywhere = (host: string): boolean => host === '' || host === '0.0.0.0' || host === '::'

/** The address of a listener for a client on this machine. */
export function dialled(host: string, port: number): string {
  if (host === '::') return `[::1]:${port}`
  if (isEverywhere(host)) return `127.0.0.1:${port}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Address to number of connections: ADDRESS:COUNT,... */
export const countsOfAddresses: Kind<ReadonlyMap<string, number>> = {
  accepts: 'list of ADDRESS:COUNT',
  read(text) {
    const items = list.read(text)
    if (items instanceof InvalidValue) return items
    const counts = new Map<string, number>()
    for (const item of items) {
      const [, address, count] = /^([0-9.]+|\[?[0-9a-f]*:[0-9a-f:.]+\]?):(\d+)$/i.exec(item) ?? []
      if (address === undefined) return new InvalidValue(`must be a list of ADDRESS:COUNT, not ${item}`)
      counts.set(address.replace(/[[\]]/g, '').toLowerCase(), Number(count))
    }
    return counts
  },
}
