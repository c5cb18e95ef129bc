import type { MemberRef, Protocol } from './messages.ts'

export const noBytes: Buffer = Buffer.alloc(0)

/** A member of a classic group. Its tickets are of requests that it waits with. */
export interface ClassicMember extends MemberRef {
  readonly clientId: string
  readonly clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  readonly protocolType: string
  /** In the order of the member's preference. */
  protocols: readonly Protocol[]
  assignment: Buffer
  joining: number | undefined
  syncing: number | undefined
  /** Has not learned its id yet, and so cannot send heartbeats. */
  isNew: boolean
}

/** Asks for the same as it did. */
export function matches(member: ClassicMember, protocols: readonly Protocol[]): boolean {
  if (member.protocols.length !== protocols.length) return false
  return protocols.every(({ name, metadata }, index) => {
    const own = member.protocols[index]!
    return own.name === name && own.metadata.equals(metadata)
  })
}

export const metadataOf = (member: ClassicMember, protocol: string | null): Buffer =>
  member.protocols.find(({ name }) => name === protocol)?.metadata ?? noBytes
