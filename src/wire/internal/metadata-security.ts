import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, bytes, float64, int8, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * Records of KRaft's metadata log: access rules, quotas, credentials, tokens. Framed as those of nodes.
 */

/** An access rule. */
export const AccessControlEntryRecord = message(
  'AccessControlEntryRecord',
  { key: 18, versions: '0', flexible: '0+' },
  {
    id: uuid(),
    resourceType: int8(),
    resourceName: string(),
    patternType: int8(),
    principal: string(),
    host: string(),
    operation: int8(),
    permissionType: int8(),
  },
)
export type AccessControlEntryRecord = Wire<typeof AccessControlEntryRecord>

/** An access rule is deleted. */
export const RemoveAccessControlEntryRecord = message(
  'RemoveAccessControlEntryRecord',
  { key: 19, versions: '0', flexible: '0+' },
  {
    id: uuid(),
  },
)
export type RemoveAccessControlEntryRecord = Wire<typeof RemoveAccessControlEntryRecord>

/** A quota, or its deletion. */
export const ClientQuotaRecord = message(
  'ClientQuotaRecord',
  { key: 14, versions: '0', flexible: '0+' },
  {
    entity: array({
      entityType: string(),
      entityName: string({ nullable: '0+' }),
    }),
    key: string(),
    value: float64(),
    remove: bool(),
  },
)
export type ClientQuotaRecord = Wire<typeof ClientQuotaRecord>

/** A SCRAM credential. */
export const UserScramCredentialRecord = message(
  'UserScramCredentialRecord',
  { key: 11, versions: '0', flexible: '0+' },
  {
    name: string(),
    mechanism: int8(),
    salt: bytes(),
    storedKey: bytes(),
    serverKey: bytes(),
    iterations: int32(),
  },
)
export type UserScramCredentialRecord = Wire<typeof UserScramCredentialRecord>

/** A SCRAM credential is deleted. */
export const RemoveUserScramCredentialRecord = message(
  'RemoveUserScramCredentialRecord',
  { key: 22, versions: '0', flexible: '0+' },
  {
    name: string(),
    mechanism: int8(),
  },
)
export type RemoveUserScramCredentialRecord = Wire<typeof RemoveUserScramCredentialRecord>

/** A delegation token. */
export const DelegationTokenRecord = message(
  'DelegationTokenRecord',
  { key: 10, versions: '0', flexible: '0+' },
  {
    owner: string(),
    requester: string(),
    renewers: arrayOf(string()),
    issueTimestamp: int64(),
    maxTimestamp: int64(),
    expirationTimestamp: int64(),
    tokenId: string(),
  },
)
export type DelegationTokenRecord = Wire<typeof DelegationTokenRecord>

/** A delegation token is deleted. */
export const RemoveDelegationTokenRecord = message(
  'RemoveDelegationTokenRecord',
  { key: 26, versions: '0', flexible: '0+' },
  {
    tokenId: string(),
  },
)
export type RemoveDelegationTokenRecord = Wire<typeof RemoveDelegationTokenRecord>
