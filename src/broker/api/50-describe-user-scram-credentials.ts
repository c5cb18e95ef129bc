import {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../../wire/api/50-describe-user-scram-credentials.ts'
import { errors } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

/** No user has credentials yet. */
export const describeUserScramCredentials = handler({
  request: DescribeUserScramCredentialsRequest,
  response: DescribeUserScramCredentialsResponse,
  versions: [0, 0],
  handle({ users }) {
    const counts = new Map<string, number>()
    for (const { name } of users ?? []) counts.set(name, (counts.get(name) ?? 0) + 1)
    const results = [...counts].map(([user, count]) => {
      const isRepeated = count > 1
      const { code } = isRepeated ? errors.DUPLICATE_RESOURCE : errors.RESOURCE_NOT_FOUND
      const errorMessage = isRepeated
        ? `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
        : `Attempt to describe a user credential that does not exist: ${user}`
      return { user, errorCode: code, errorMessage, credentialInfos: [] }
    })
    return { throttleTimeMs: 0, errorCode: errors.NONE.code, errorMessage: '', results }
  },
})
