import type { KafkaKey } from './kafka-keys.ts'

interface GroupKey {
  readonly key: KafkaKey
  /** The broker config that says what a group leaves out. */
  readonly node: string | null
  /** Least and most that a broker lets a group have. */
  readonly least?: string
  readonly most?: string
  readonly about: string
}

const share = 'Of share groups, which do not exist here: it is kept and has no effect.'
const streams = 'Of streams groups, which do not exist here: it is kept and has no effect.'

const timed = (name: string, low: string, fallback: string, about: string): GroupKey => {
  const [family, ...rest] = name.split('.')
  const limit = (which: string): string => `group.${family}.${which}.${rest.join('.')}`
  return { key: [name, 'int', fallback, `${low}..`], node: `group.${name}`, least: limit('min'), most: limit('max'), about }
}

/** Every group config of Apache Kafka 4.3.1. */
export const groupKeys: ReadonlyMap<string, GroupKey> = new Map(
  (
    [
      timed('consumer.assignment.interval.ms', '0', '1000', 'The time between two assignments of a group of the new protocol.'),
      timed('consumer.heartbeat.interval.ms', '1', '5000', 'How often members of a group of the new protocol are to be heard of.'),
      timed('consumer.session.timeout.ms', '1', '45000', 'How long such a member may be silent.'),
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
