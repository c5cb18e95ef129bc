import { setTimeout as pause } from 'node:timers/promises'
import { createTopic } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { connected } from '../../support/connection.ts'
import { api, deleteTopics, produce } from '../../support/requests.ts'

/** Creates, fills and deletes a topic that has its own objects by then, so that objects are marked and removed. */
export async function shortLivedTopic(port: number): Promise<void> {
  await connected(port, async (connection) => {
    const name = `short-lived-${Date.now()}`
    await createTopic(connection, name)
    for (let batch = 0; batch < 100; batch++) {
      const records = encodeBatch(Array.from({ length: 50 }, () => ({ value: Buffer.alloc(1000, batch) })))
      await connection.call(api.produce, produce([{ topic: name, partition: 0, records }]))
    }
    // By then the records in the WAL exceed the upload interval, so that some objects contain no other records.
    await pause(1500)
    await connection.call(api.deleteTopics, deleteTopics([name]))
  })
}
