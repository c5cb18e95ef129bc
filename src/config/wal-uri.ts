import { bytes, type Kind, Refused, sizeText } from './kind.ts'

/** Where the write-ahead log lies. A null path is a file of its own in log.dirs. */
export interface WalUri {
  readonly scheme: 'file'
  readonly path: string | null
  readonly capacityBytes: number
}

const capacity = bytes(8 * 2 ** 20, 2 ** 42)
const capacityDefault = 2 * 2 ** 30

/** `file:///PATH?capacity=2GiB`. A bucket id in front (`0@`), as AutoMQ writes it, changes nothing. */
export const walUri: Kind<WalUri> = {
  read(text) {
    const [, scheme, path, query] = /^(?:\d+@)?([a-z][a-z0-9]*):\/\/([^?]*)(?:\?(.*))?$/.exec(text) ?? []
    if (scheme === undefined)
      return new Refused(`must be a URI, such as file:///var/lib/millrace/wal?capacity=${sizeText(capacityDefault)}`)
    if (scheme !== 'file') return new Refused(`must be a file:// URI: a write-ahead log on ${scheme}:// does not exist yet`)
    if (path !== '' && !path!.startsWith('/')) return new Refused('must have an absolute path: three slashes after file:')
    let capacityBytes = capacityDefault
    for (const parameter of (query ?? '').split('&').filter((each) => each !== '')) {
      const [name, value] = parameter.split('=')
      if (name !== 'capacity') return new Refused(`must have no parameter but capacity, not ${name}`)
      const size = capacity.read(value ?? '')
      if (size instanceof Refused) return new Refused(`must have a capacity that is right: it ${size.allowed}`)
      capacityBytes = size
    }
    return { scheme, path: path === '' ? null : decodeURIComponent(path!), capacityBytes }
  },
}
