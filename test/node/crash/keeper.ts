import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/wire/api/10-find-coordinator.ts'
import { errorOf } from '../../../src/wire/errors.ts'
import type { WireClient } from '../../support/wire-client.ts'

/** State that a broker must keep for a client, other than records. */
export interface Keeper {
  /** Number of acknowledged changes. */
  readonly promised: number
  /** Requests one or a few changes. Throws Unclear if they must be retried. */
  change(client: WireClient): Promise<void>
  /** Verifies the acknowledged state. No request may be in progress. */
  look(client: WireClient): Promise<void>
}

/** The result is unknown: the broker may have made the change. */
export class Unclear extends Error {}

/** Retriable errors are Unclear; other errors, except the allowed ones, are invalid responses. */
export function mustBeNone(code: number, what: string, ...allowed: readonly number[]): void {
  if (code === 0 || allowed.includes(code)) return
  const { name, retriable } = errorOf(code)
  const said = `${what} was answered ${name} (${code})`
  throw retriable ? new Unclear(said) : new Error(said)
}

/** Waits until the group's coordinator is available. */
export async function findCoordinator(client: WireClient, groupId: string): Promise<void> {
  const { errorCode } = await client.ask(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: groupId })
  mustBeNone(errorCode, `FindCoordinator for ${groupId}`)
}
