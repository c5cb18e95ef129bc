import type { Image } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import type { BrokerId, Commands } from './commands.ts'
import type { Outcome } from './outcome.ts'

/** The epoch is the position of the record in the log, so it increases with every registration. */
export function registerBroker(
  image: Image,
  { brokerId, wals }: Commands['registerBroker']['request'],
): Outcome<Commands['registerBroker']['response']> {
  const brokerEpoch = image.recordCount
  const registered: MetadataRecord = { type: 'brokerRegistered', brokerId, brokerEpoch }
  return { records: [registered, ...wals.map((wal) => ({ type: 'walMarked', ...wal }) as const)], response: { brokerEpoch } }
}

/** Whether a command is from the current start of a registered broker; the errors of Kafka's controller otherwise. */
export function brokerError(image: Image, { brokerId, brokerEpoch }: BrokerId): KafkaError {
  const registered = image.cluster.brokers.get(brokerId)
  if (registered === undefined) return errors.BROKER_ID_NOT_REGISTERED
  return registered.brokerEpoch === brokerEpoch ? errors.NONE : errors.STALE_BROKER_EPOCH
}
