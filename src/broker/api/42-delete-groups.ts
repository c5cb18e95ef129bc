import { NotReady } from '../../coordinator/partition.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../wire/api/42-delete-groups.ts'
import { handler } from '../handler.ts'

/** Deletes groups without members, and their offsets. */
export const deleteGroups = handler({
  request: DeleteGroupsRequest,
  response: DeleteGroupsResponse,
  versions: [0, 2],
  async handle({ groupsNames }, { groups }) {
    const results = [...new Set(groupsNames)].map(async (groupId) => {
      const result = await groups.request({ type: 'delete', groupId })
      return { groupId, errorCode: (result instanceof NotReady ? result.error : result).code }
    })
    return { throttleTimeMs: 0, results: await Promise.all(results) }
  },
})
