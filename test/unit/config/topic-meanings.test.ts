import { expect, test } from 'vitest'
import { kafkaTopicKeys } from '../../../src/config/kafka-topic-keys.ts'
import { load } from '../../../src/config/load.ts'
import { NodeConfigs } from '../../../src/config/node-configs.ts'
import { topicConfigError, topicEntries } from '../../../src/config/topic-configs.ts'
import { topicMeanings } from '../../../src/config/topic-meanings.ts'

test('topic meanings: each rejected config has rejected values, and an accepted default', () => {
  const other: Readonly<Record<string, string>> = { 'remote.storage.enable': 'true' }
  for (const [name, , fallback] of kafkaTopicKeys) {
    expect(topicConfigError(new Map([[name, fallback!]]), load(undefined, []).settings!), name).toBeUndefined()
    if (topicMeanings[name]!.here === 'rejected')
      expect(topicConfigError(new Map([[name, other[name]!]]), load(undefined, []).settings!), name).toBeDefined()
  }
})

test('topic meanings: a node without settings gives every topic config its default', () => {
  const { settings, given } = load(undefined, [])
  for (const { name, value } of topicEntries(new Map(), new NodeConfigs(settings!, given))) {
    expect([name, value]).toEqual([name, kafkaTopicKeys.find((row) => row[0] === name)![2]])
  }
})
