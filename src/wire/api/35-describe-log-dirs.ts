import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int16, int32, int64, message, string } from '../schema.ts'

/**
 * DescribeLogDirs: contents of the log directories of a broker.
 *
 *  v2  flexible
 *  v3  an error for the whole response
 *  v4  total and usable bytes of the volume
 *  v5  whether a directory is cordoned
 */
export const DescribeLogDirsRequest = message(
  'DescribeLogDirsRequest',
  { key: 35, versions: '1-5', flexible: '2+' },
  {
    topics: array(
      {
        topic: string(),
        partitions: arrayOf(int32()),
      },
      { nullable: '0+' },
    ),
  },
)
export type DescribeLogDirsRequest = Wire<typeof DescribeLogDirsRequest>

export const DescribeLogDirsResponse = message(
  'DescribeLogDirsResponse',
  { key: 35, versions: '1-5', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ versions: '3+', ignorable: true }),
    results: array({
      errorCode: int16(),
      logDir: string(),
      topics: array({
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          partitionSize: int64(),
          offsetLag: int64(),
          isFutureKey: bool(),
        }),
      }),
      totalBytes: int64({ versions: '4+', default: -1n, ignorable: true }),
      usableBytes: int64({ versions: '4+', default: -1n, ignorable: true }),
      isCordoned: bool({ versions: '5+', ignorable: true }),
    }),
  },
)
export type DescribeLogDirsResponse = Wire<typeof DescribeLogDirsResponse>
