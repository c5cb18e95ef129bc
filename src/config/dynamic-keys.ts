import { assert } from '../base/assert.ts'
import { kafkaBrokerKeys } from './kafka-broker-keys.ts'
import { settingRows } from './settings.ts'

/**
 * Effect of a change of a broker config while the node runs:
 *
 * live      effective from then on
 * idle      recorded and described; without meaning in Millrace
 * rejected  read-only: a change would require a feature that does not exist
 */
export type DynamicEffect = 'live' | 'idle' | 'rejected'

/** Names separated by blanks, with the same effect. */
const names = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Configs that Kafka changes for one broker or for all of them. */
const clusterWide: Readonly<Record<DynamicEffect, readonly string[]>> = {
  live: names(`
    compression.gzip.level compression.lz4.level compression.type compression.zstd.level group.consumer.assignment.interval.ms
    log.cleaner.backoff.ms log.cleaner.dedupe.buffer.size log.cleaner.delete.retention.ms log.cleaner.max.compaction.lag.ms
    log.cleaner.min.cleanable.ratio log.cleaner.min.compaction.lag.ms log.cleanup.policy log.message.timestamp.after.max.ms
    log.message.timestamp.before.max.ms log.message.timestamp.type log.retention.bytes log.retention.ms log.roll.ms
    log.segment.bytes max.connections max.connections.per.ip max.connections.per.ip.overrides message.max.bytes
    producer.id.expiration.ms`),
  idle: names(`
    background.threads follower.fetch.last.tiered.offset.enable follower.replication.throttled.rate
    group.coordinator.cached.buffer.max.bytes group.share.assignment.interval.ms group.streams.assignment.interval.ms
    leader.replication.throttled.rate log.cleaner.io.buffer.load.factor log.cleaner.io.buffer.size
    log.cleaner.io.max.bytes.per.second log.cleaner.threads log.flush.interval.messages log.flush.interval.ms
    log.index.interval.bytes log.index.size.max.bytes log.local.retention.bytes log.local.retention.ms log.preallocate
    log.roll.jitter.ms log.segment.delete.delay.ms min.insync.replicas num.io.threads num.network.threads
    num.recovery.threads.per.data.dir num.replica.fetchers remote.fetch.max.wait.ms remote.list.offsets.request.timeout.ms
    remote.log.index.file.cache.total.size.bytes remote.log.manager.copier.thread.pool.size
    remote.log.manager.copy.max.bytes.per.second remote.log.manager.expiration.thread.pool.size
    remote.log.manager.fetch.max.bytes.per.second remote.log.manager.follower.thread.pool.size remote.log.reader.threads
    replica.alter.log.dirs.io.max.bytes.per.second share.coordinator.cached.buffer.max.bytes unclean.leader.election.enable`),
  rejected: names(`
    config.providers max.connection.creation.rate metric.reporters transaction.partition.verification.enable`),
}

/** Configs that Kafka changes for one broker only. */
const perBroker: Readonly<Record<DynamicEffect, readonly string[]>> = {
  live: [],
  idle: names(`
    sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.principal.to.local.rules sasl.kerberos.service.name
    sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor sasl.login.refresh.buffer.seconds
    sasl.login.refresh.min.period.seconds sasl.login.refresh.window.factor sasl.login.refresh.window.jitter`),
  rejected: names(`
    cordoned.log.dirs listener.security.protocol.map listeners principal.builder.class sasl.enabled.mechanisms sasl.jaas.config
    sasl.mechanism.inter.broker.protocol ssl.cipher.suites ssl.client.auth ssl.enabled.protocols
    ssl.endpoint.identification.algorithm ssl.engine.factory.class ssl.key.password ssl.keymanager.algorithm
    ssl.keystore.certificate.chain ssl.keystore.key ssl.keystore.location ssl.keystore.password ssl.keystore.type ssl.protocol
    ssl.provider ssl.secure.random.implementation ssl.trustmanager.algorithm ssl.truststore.certificates ssl.truststore.location
    ssl.truststore.password ssl.truststore.type`),
}

interface DynamicKey {
  readonly effect: DynamicEffect
  readonly isPerBroker: boolean
}

/** Every broker config that Kafka changes at run time. */
export const dynamicKeys: ReadonlyMap<string, DynamicKey> = new Map(
  [
    { table: clusterWide, isPerBroker: false },
    { table: perBroker, isPerBroker: true },
  ].flatMap(({ table, isPerBroker }) =>
    (Object.keys(table) as DynamicEffect[]).flatMap((effect) =>
      table[effect].map((name): [string, DynamicKey] => [name, { effect, isPerBroker }]),
    ),
  ),
)

/** Rates set by the reassignment tool, which are not part of a broker's configuration file. */
export const throttleRates = [
  'leader.replication.throttled.rate',
  'follower.replication.throttled.rate',
  'replica.alter.log.dirs.io.max.bytes.per.second',
] as const

/** Configs whose changes take effect at run time. */
export const liveNames: readonly string[] = clusterWide.live
export const isAlterable = (name: string): boolean => (dynamicKeys.get(name)?.effect ?? 'rejected') !== 'rejected'

assert(
  liveNames.every((name) => name in settingRows),
  'what is live is a setting',
)
assert(
  [...dynamicKeys.keys()].every((name) => throttleRates.includes(name as never) || kafkaBrokerKeys.some((row) => row[0] === name)),
  'what is dynamic is a config of Kafka',
)
