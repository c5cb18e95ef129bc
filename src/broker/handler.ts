import { assert } from '../base/assert.ts'
import { type Api, apiByKey } from '../wire/apis.ts'
import type { Fields, Message, Wire } from '../wire/schema.ts'
import type { RequestContext } from './context.ts'

/** Implementation of one API. */
export interface Handler<Q extends Fields = Fields, R extends Fields = Fields> {
  readonly api: Api
  readonly request: Message<Q>
  readonly response: Message<R>
  /** The served versions, possibly fewer than the codec supports. */
  readonly oldest: number
  readonly latest: number
  /** Never rejects for a reason that a client can cause. */
  readonly handle: (request: Wire<Message<Q>>, context: RequestContext) => Wire<Message<R>> | Promise<Wire<Message<R>>>
}

export function handler<Q extends Fields, R extends Fields>(
  row: Pick<Handler<Q, R>, 'request' | 'response' | 'handle'> & { readonly versions: readonly [oldest: number, latest: number] },
): Handler<Q, R> {
  const { request, response, handle } = row
  const [oldest, latest] = row.versions
  const api = apiByKey[request.key ?? -1]
  assert(api !== undefined && api.name === request.name.replace(/Request$/, ''), `${request.name} belongs to an API`)
  assert(api.oldest <= oldest && oldest <= latest && latest <= api.latest, `${api.name} has versions ${oldest}-${latest}`)
  return { api, request, response, oldest, latest, handle }
}
