import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/wire/api/10-find-coordinator.ts'
import { errorOf } from '../../../src/wire/errors.ts'
import type { WireClient } from '../../support/wire-client.ts'

/** Something that a broker has to keep for a client, besides records. */
export interface Keeper {
  /** Changes that were acknowledged. */
  readonly promised: number
  /** Asks for a change, or a few at once. Throws Unclear where it is to be tried again. */
  change(client: WireClient): Promise<void>
  /** Looks for what was promised. Nothing may be under way. */
  look(client: WireClient): Promise<void>
}

/** The broker cannot say, or not yet: what was asked may have been done. */
export class Unclear extends Error {}

/** Errors after which clients try again are Unclear, others are what the broker must not say. */
export function mustBeNone(code: number, what: string, ...allowed: readonly number[]): void {
  if (code === 0 || allowed.includes(code)) return
  const { name, retriable } = errorOf(code)
  const said = `${what} was answered ${name} (${code})`
  throw retriable ? new Unclear(said) : new Error(said)
}

/** A group can be asked for from then on. */
export async function findCoordinator(client: WireClient, groupId: string): Promise<void> {
  const { errorCode } = await client.ask(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: groupId })
  mustBeNone(errorCode, `FindCoordinator for ${groupId}`)
}
