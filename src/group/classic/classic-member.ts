import type { MemberRef, Protocol } from '../messages.ts'

export const noBytes: Buffer = Buffer.alloc(0)

/** A member of a classic group. Its tickets identify its waiting requests. */
export interface ClassicMember extends MemberRef {
  readonly clientId: string
  readonly clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  readonly protocolType: string
  /** In the member's order of preference. */
  protocols: readonly Protocol[]
  assignment: Buffer
  joining: number | undefined
  syncing: number | undefined
  /** Has not received its member id yet, and so cannot send heartbeats. */
  isNew: boolean
}

/** Whether the protocols are unchanged. */
export function matches(member: ClassicMember, protocols: readonly Protocol[]): boolean {
  if (member.protocols.length !== protocols.length) return false
  return protocols.every(({ name, metadata }, index) => {
    const own = member.protocols[index]!
    return own.name === name && own.metadata.equals(metadata)
  })
}

export const metadataOf = (member: ClassicMember, protocol: string | null): Buffer =>
  member.protocols.find(({ name }) => name === protocol)?.metadata ?? noBytes
