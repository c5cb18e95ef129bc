import { readAll } from '../support/admin.ts'
import { connected } from '../support/connection.ts'
import type { ReadingClient } from './client.ts'

/** The tests' own reading of record batches; what is compressed otherwise is left to clients that can undo it. */
export const ownReader: ReadingClient = {
  name: 'own reader',
  missing: () => null,
  takesBytes: true,
  codecs: ['none', 'gzip'],
  read: async (address, topic) => {
    const records = await connected(Number(address.split(':')[1]), (connection) => readAll(connection, topic, 0))
    return records.map(({ key, value, headers }) => ({
      key: key?.toString() ?? null,
      value,
      headers: headers.map((header) => [header.key, Buffer.from(header.value ?? []).toString()] as const),
    }))
  },
}
