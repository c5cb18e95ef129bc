import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BrokerKind } from '../support/broker.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'

const missing = kafkaMissing()
if (missing) console.warn(`skipped: recorded conversations are not compared with a running Kafka, ${missing}`)

const limitMs = 300_000
const isUpdate = process.env['UPDATE'] === '1'

const fileOf = (name: string): string => join('test', 'interop', 'golden', `${name}.txt`)

const recorded = (name: string): readonly string[] => readFileSync(fileOf(name), 'utf8').replace(/\n$/, '').split('\n')

/**
 * Two tests of one conversation: Millrace answers as Apache Kafka 4.3.1 did when `golden/NAME.txt` was recorded, and a running Kafka
 * still does. `converse` returns a line an answer. `UPDATE=1 npm run test:long -- test/interop` records Kafka's answers again.
 * `isCompared` leaves out lines where the two differ on purpose.
 */
export function goldenConversation(
  name: string,
  converse: (kind: BrokerKind) => Promise<readonly string[]>,
  isCompared: (line: string) => boolean = () => true,
): void {
  test(
    `${name}: Millrace answers as recorded from Apache Kafka`,
    async () => {
      const lines = await converse('millrace')
      expect(lines.filter(isCompared)).toEqual(recorded(name).filter(isCompared))
    },
    limitMs,
  )

  test.runIf(missing === null)(`${name}: a running Apache Kafka answers as recorded`, long(limitMs), async () => {
    const lines = await converse('kafka')
    if (isUpdate) writeFileSync(fileOf(name), `${lines.join('\n')}\n`)
    expect(lines).toEqual(recorded(name))
  })
}
