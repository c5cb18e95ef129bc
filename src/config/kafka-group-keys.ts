import type { KafkaKey } from './kafka-keys.ts'

interface GroupKey {
  readonly key: KafkaKey
  /** The broker config that supplies the default. */
  readonly node: string | null
  /** Broker configs that limit the value of a group. */
  readonly least?: string
  readonly most?: string
  readonly about: string
}

const share = 'Stored without effect: share groups are not supported.'
const streams = 'Stored without effect: streams groups are not supported.'

const timed = (name: string, low: string, fallback: string, about: string): GroupKey => {
  const [family, ...rest] = name.split('.')
  const limit = (which: string): string => `group.${family}.${which}.${rest.join('.')}`
  return { key: [name, 'int', fallback, `${low}..`], node: `group.${name}`, least: limit('min'), most: limit('max'), about }
}

/** Every group config of Apache Kafka 4.3.1. */
export const groupKeys: ReadonlyMap<string, GroupKey> = new Map(
  (
    [
      timed('consumer.assignment.interval.ms', '0', '1000', 'Minimum time between two assignments of a consumer group, in milliseconds.'),
      timed('consumer.heartbeat.interval.ms', '1', '5000', 'Heartbeat interval of consumer group members, in milliseconds.'),
      timed('consumer.session.timeout.ms', '1', '45000', 'Session timeout of consumer group members, in milliseconds.'),
      timed('share.assignment.interval.ms', '0', '1000', share),
      { key: ['share.auto.offset.reset', 'string', 'latest'], node: null, about: share },
      { ...timed('share.delivery.count.limit', '2', '5', share) },
      timed('share.heartbeat.interval.ms', '1', '5000', share),
      { key: ['share.isolation.level', 'string', 'read_uncommitted', 'read_committed|read_uncommitted'], node: null, about: share },
      timed('share.partition.max.record.locks', '100', '2000', share),
      timed('share.record.lock.duration.ms', '1000', '30000', share),
      { key: ['share.renew.acknowledge.enable', 'boolean', 'true'], node: null, about: share },
      timed('share.session.timeout.ms', '1', '45000', share),
      timed('streams.assignment.interval.ms', '0', '1000', streams),
      timed('streams.heartbeat.interval.ms', '1', '5000', streams),
      {
        key: ['streams.initial.rebalance.delay.ms', 'int', '3000', '0..'],
        node: 'group.streams.initial.rebalance.delay.ms',
        about: streams,
      },
      {
        key: ['streams.num.standby.replicas', 'int', '0', '0..'],
        node: 'group.streams.num.standby.replicas',
        most: 'group.streams.max.standby.replicas',
        about: streams,
      },
      timed('streams.session.timeout.ms', '1', '45000', streams),
    ] satisfies GroupKey[]
  ).map((row: GroupKey): [string, GroupKey] => [row.key[0], row]),
)
