/** Numbers of Kafka's ACL operations. */
const operation = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const

const bits = (...names: (keyof typeof operation)[]): number => names.reduce((sum, name) => sum | (1 << operation[name]), 0)

/** The value for requests without this field set. */
export const notRequested = -(2 ** 31)

/** Without an authorizer each client may do all operations. */
export const topicOperations = bits('read', 'write', 'create', 'delete', 'alter', 'describe', 'describeConfigs', 'alterConfigs')
export const clusterOperations = bits('create', 'alter', 'describe', 'clusterAction', 'describeConfigs', 'alterConfigs', 'idempotentWrite')
export const groupOperations = bits('read', 'delete', 'describe', 'describeConfigs', 'alterConfigs')
