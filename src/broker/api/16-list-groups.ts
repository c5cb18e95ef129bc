import { NotReady } from '../../coordinator/partition.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../wire/api/16-list-groups.ts'
import { errors } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

/** All groups of this coordinator, filtered by state and type; both filters ignore case. */
export const listGroups = handler({
  request: ListGroupsRequest,
  response: ListGroupsResponse,
  versions: [0, 5],
  async handle({ statesFilter, typesFilter }, { groups }) {
    const listed = await groups.list()
    if (listed instanceof NotReady) return { throttleTimeMs: 0, errorCode: listed.error.code, groups: [] }
    const isState = chooser(statesFilter)
    const isType = chooser(typesFilter)
    const chosen = listed.filter(({ state, type }) => isState(state) && isType(type))
    return {
      throttleTimeMs: 0,
      errorCode: errors.NONE.code,
      groups: chosen.map(({ groupId, protocolType, state, type }) => ({ groupId, protocolType, groupState: state, groupType: type })),
    }
  },
})

/** An empty filter matches everything. */
function chooser(filter: readonly string[]): (name: string) => boolean {
  const names = new Set(filter.map((name) => name.toLowerCase()))
  return (name) => names.size === 0 || names.has(name.toLowerCase())
}
