import type { TopicImage } from '../../metadata/cluster-image.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../../wire/api/35-describe-log-dirs.ts'
import { errors } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { eachOnce, whileServed } from '../partitions.ts'

type PartitionRow = DescribeLogDirsResponse['results'][number]['topics'][number]['partitions'][number]

/** First version with the size of the volume, which is read only for it. */
const volumeVersion = 4

/** The one directory of this node. A partition's size is that of its batches in the WAL and in the object store, wherever that is. */
export const describeLogDirs = handler({
  request: DescribeLogDirsRequest,
  response: DescribeLogDirsResponse,
  versions: [1, 5],
  async handle({ topics }, context) {
    const { cluster, volume, version } = context
    const requested =
      (topics && eachOnce(topics, ({ topic }) => topic))?.map(({ topic, partitions }) => ({
        topic: cluster.image.topics.get(topic),
        partitions: [...new Set(partitions)],
      })) ?? [...cluster.image.topics.values()].map((topic) => ({ topic, partitions: [...topic.partitionIds.keys()] }))
    const rows: { name: string; partitions: PartitionRow[] }[] = []
    for (const { topic, partitions } of requested) {
      if (topic === undefined) continue
      const found = await Promise.all(partitions.map((index) => partitionRow(context, topic, index)))
      const known = found.flatMap((row) => row ?? [])
      if (known.length > 0) rows.push({ name: topic.name, partitions: known })
    }
    const space = version < volumeVersion ? { totalBytes: -1, usableBytes: -1 } : await volume.space()
    const folder = {
      errorCode: errors.NONE.code,
      logDir: volume.path,
      topics: rows,
      totalBytes: BigInt(space.totalBytes),
      usableBytes: BigInt(space.usableBytes),
      isCordoned: false,
    }
    return { throttleTimeMs: 0, errorCode: errors.NONE.code, results: [folder] }
  },
})

async function partitionRow(context: RequestContext, topic: TopicImage, index: number): Promise<PartitionRow | undefined> {
  const partitionId = topic.partitionIds[index]
  if (partitionId === undefined || !context.cluster.isServed(partitionId)) return undefined
  const bytes = await whileServed(context, partitionId, context.partitions.size(partitionId))
  if (bytes === undefined) return undefined
  return { partitionIndex: index, partitionSize: BigInt(bytes), offsetLag: 0n, isFutureKey: false }
}
