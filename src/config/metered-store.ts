import type { S3Location } from '../ports/object-store.ts'

/**
 * Domains of providers that charge for requests, limit their rate, or charge for objects that exist only for minutes. Each put of an S3 WAL
 * has a price there. A store at another address, such as MinIO, Ceph or versitygw, is assumed to be private: its puts cost nothing.
 */
const meteredDomains = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'amazonaws.eu',
  'googleapis.com',
  'r2.cloudflarestorage.com',
  'backblazeb2.com',
  'wasabisys.com',
  'digitaloceanspaces.com',
  'aliyuncs.com',
  'myqcloud.com',
  'myhuaweicloud.com',
  'appdomain.cloud',
  'oraclecloud.com',
  'yandexcloud.net',
  'scw.cloud',
  'ovh.net',
  'linodeobjects.com',
  'vultrobjects.com',
  'your-objectstorage.com',
  'idrivee2.com',
  'tigris.dev',
  'storage.dev',
]

/** Without an endpoint, the store is AWS. */
export function isMetered({ endpoint }: Pick<S3Location, 'endpoint'>): boolean {
  if (endpoint === null) return true
  const host = endpoint
    .replace(/^https?:\/\//i, '')
    .replace(/:\d+$/, '')
    .replace(/\.$/, '')
    .toLowerCase()
  return meteredDomains.some((domain) => host === domain || host.endsWith(`.${domain}`))
}
