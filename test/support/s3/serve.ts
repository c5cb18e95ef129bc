/**
 * The S3 server of the tests as a process, for benchmarks and for testing a broker with faults of the store:
 *
 *   node src/cli/run.mjs test/support/s3/serve.ts --port 9000 --dir /tmp/s3 --bucket bucket --latency 15,60 --fault put:error:503:SlowDown:50
 *
 * A fault is OPERATION:TYPE[:STATUS:CODE][:PERMILLE]; types are those of faults.ts. Runs until it is stopped by a signal.
 */
import { parseArgs } from 'node:util'
import type { Fault, FaultRule, S3Operation } from './faults.ts'
import { S3Server } from './server.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    dir: { type: 'string' },
    bucket: { type: 'string', multiple: true, default: ['bucket'] },
    'access-key': { type: 'string', default: 'tester' },
    'secret-key': { type: 'string', default: 'testing' },
    latency: { type: 'string' },
    fault: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: '1' },
  },
})

const server = new S3Server({
  port: Number(values.port),
  seed: Number(values.seed),
  buckets: values.bucket,
  ...(values.dir === undefined ? {} : { folder: values.dir }),
})
server.accounts.set(values['access-key'], { secretKey: values['secret-key'] })
if (values.latency !== undefined) {
  const [medianMs, p99Ms] = values.latency.split(',').map(Number) as [number, number]
  server.faults.latency = { medianMs, p99Ms }
}
server.faults.set(...values.fault.map(ruleOf))
await server.start()
process.stdout.write(`listening on ${server.endpoint}\n`)

function ruleOf(text: string): FaultRule {
  const [operation, type, ...rest] = text.split(':') as [S3Operation | '*', string, ...string[]]
  const permille = rest.length % 2 === 1 ? { permille: Number(rest.at(-1)) } : {}
  return { operation, fault: faultOf(type, rest), ...permille }
}

function faultOf(type: string, [first, second]: readonly string[]): Fault {
  if (type === 'error' || type === 'errorAfter') {
    return { type: 'error', status: Number(first), code: second!, when: type === 'error' ? 'before' : 'after' }
  }
  if (type === 'reset' || type === 'resetAfter') return { type: 'reset', when: type === 'reset' ? 'before' : 'after' }
  return { type } as Fault
}
