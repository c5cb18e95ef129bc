import { AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse } from '../../wire/api/34-alter-replica-log-dirs.ts'
import { errors } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

/** There is one directory, which contains all partitions. */
export const alterReplicaLogDirs = handler({
  request: AlterReplicaLogDirsRequest,
  response: AlterReplicaLogDirsResponse,
  versions: [1, 2],
  handle({ dirs }, { cluster, volume }) {
    const results = dirs.flatMap(({ path, topics }) =>
      topics.map(({ name, partitions }) => {
        const count = cluster.image.topics.get(name)?.partitionIds.length ?? 0
        const result = (index: number): number => {
          if (path !== volume.path) return errors.LOG_DIR_NOT_FOUND.code
          return index >= 0 && index < count ? errors.NONE.code : errors.UNKNOWN_TOPIC_OR_PARTITION.code
        }
        return { topicName: name, partitions: partitions.map((index) => ({ partitionIndex: index, errorCode: result(index) })) }
      }),
    )
    return { throttleTimeMs: 0, results }
  },
})
