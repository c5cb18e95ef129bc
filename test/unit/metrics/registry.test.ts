import { expect, test } from 'vitest'
import { Registry } from '../../../src/metrics/registry.ts'
import { blockBytes, MetricBlock, stageTable } from '../../../src/metrics/rows.ts'

const table = stageTable('network', { requests: 'Requests that arrived.', bytes_in: 'Bytes received.' })
const valuesOf = (): Float64Array => new Float64Array(new SharedArrayBuffer(blockBytes(table)))

test('registry: counters of threads are shown for each thread, and can be summed', () => {
  const registry = new Registry()
  const [first, second] = [valuesOf(), valuesOf()]
  registry.block(table, first, { worker: '0' })
  registry.block(table, second, { worker: '1' })
  const counters = new MetricBlock(table, first)
  counters.add('requests', 2)
  counters.add('requests', 3)
  new MetricBlock(table, second).set('requests', 7)
  expect(registry.text()).toBe(`# HELP millrace_stage_network_requests_total Requests that arrived.
# TYPE millrace_stage_network_requests_total counter
millrace_stage_network_requests_total{worker="0"} 5
millrace_stage_network_requests_total{worker="1"} 7
# HELP millrace_stage_network_bytes_in_total Bytes received.
# TYPE millrace_stage_network_bytes_in_total counter
millrace_stage_network_bytes_in_total{worker="0"} 0
millrace_stage_network_bytes_in_total{worker="1"} 0
`)
  expect([registry.sum('millrace_stage_network_requests_total'), registry.sum('none')]).toEqual([12, 0])
})

test('registry: samples with the same labels are one', () => {
  const registry = new Registry()
  for (const value of [1, 2]) registry.computed({ name: 'a', help: 'A.', type: 'gauge' }, () => value)
  expect(registry.text()).toBe('# HELP a A.\n# TYPE a gauge\na 3\n')
})

test('registry: label values and help texts cannot break out of their line', () => {
  const registry = new Registry()
  registry.computed({ name: 'a', help: 'one\ntwo \\', type: 'gauge' }, () => [
    { labels: { topic: 'x"\n\\' }, value: Number.POSITIVE_INFINITY },
  ])
  expect(registry.text()).toBe('# HELP a one\\ntwo \\\\\n# TYPE a gauge\na{topic="x\\"\\n\\\\"} +Inf\n')
})

test('registry: a metric has one type and a name that Prometheus takes', () => {
  const registry = new Registry()
  registry.computed({ name: 'a', help: '', type: 'gauge' }, () => 1)
  expect(() => registry.computed({ name: 'a', help: '', type: 'counter' }, () => 1)).toThrow(/one type/)
  expect(() => registry.computed({ name: 'a-b', help: '', type: 'gauge' }, () => 1)).toThrow(/name that Prometheus takes/)
})
