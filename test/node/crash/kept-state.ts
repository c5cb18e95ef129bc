import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/wire/api/10-find-coordinator.ts'
import { errorOf } from '../../../src/wire/errors.ts'
import type { WireClient } from '../../support/wire-client.ts'

/** State that a broker must keep for a client, other than records. */
export interface KeptState {
  /** Number of acknowledged changes. */
  readonly acknowledged: number
  /** Requests one or a few changes. Throws `UnknownResult` if they must be retried. */
  change(client: WireClient): Promise<void>
  /** Verifies the acknowledged state. No request may be in progress. */
  verify(client: WireClient): Promise<void>
}

/** The result is unknown: the broker may have made the change. */
export class UnknownResult extends Error {}

/** Retriable errors throw `UnknownResult`; other errors, except the allowed ones, are invalid responses. */
export function checkError(code: number, what: string, ...allowed: readonly number[]): void {
  if (code === 0 || allowed.includes(code)) return
  const { name, retriable } = errorOf(code)
  const output = `${what} was answered ${name} (${code})`
  throw retriable ? new UnknownResult(output) : new Error(output)
}

/** Waits until the group's coordinator is available. */
export async function findCoordinator(client: WireClient, groupId: string): Promise<void> {
  const { errorCode } = await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: groupId })
  checkError(errorCode, `FindCoordinator for ${groupId}`)
}
