/** Fetches Apache Kafka's jars from Maven Central into `.millrace/kafka/libs`, once: `node src/cli/run.mjs bench/kafka/fetch.ts`. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { holdsKafka, kafkaLibs, kafkaVersion } from '../../test/support/kafka.ts'
import { root } from '../../test/support/root.ts'

const libs = kafkaLibs()
if (holdsKafka(libs)) {
  console.log(`Kafka ${kafkaVersion} is in ${libs}`)
} else {
  console.log(`Kafka ${kafkaVersion}: about 100 MB from Maven Central to ${libs}`)
  mkdirSync(libs, { recursive: true })
  const goal = ['-q', '-B', '-f', join(root, 'bench', 'kafka', 'pom.xml'), 'dependency:copy-dependencies']
  const done = spawnSync('mvn', [...goal, '-DincludeScope=runtime', `-DoutputDirectory=${libs}`], { stdio: 'inherit' })
  if (done.error) console.error(`Maven did not start: ${done.error.message}`)
  process.exitCode = done.status === 0 && holdsKafka(libs) ? 0 : 1
}
