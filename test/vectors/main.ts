/** Checks a folder of golden vectors: `npm run vectors -- DIR`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkBatches } from './batches.ts'
import { type BatchVector, type MessageVectors, parseJson } from './kafka-json.ts'
import { checkMessages } from './messages.ts'
import { Tally } from './tally.ts'

const folder = process.argv[2]
if (folder === undefined || !existsSync(folder)) {
  console.error(folder === undefined ? 'usage: npm run vectors -- DIR' : `there is no folder ${folder}`)
  process.exit(2)
}

const tally = new Tally()
const messages = join(folder, 'messages')
if (existsSync(messages)) {
  for (const name of readdirSync(messages).sort()) {
    if (name.endsWith('.json'))
      checkMessages(join('messages', name), parseJson<MessageVectors>(readFileSync(join(messages, name), 'utf8')), tally)
  }
}
const batches = join(folder, 'record-batches.json')
if (existsSync(batches)) checkBatches('record-batches.json', parseJson<readonly BatchVector[]>(readFileSync(batches, 'utf8')), tally)
for (const failure of tally.failures) console.log(failure)
console.log(`${tally.passed} passed, ${tally.failures.length} failed`)
process.exitCode = tally.failures.length > 0 ? 1 : 0
