import { createHistogram, type EventLoopMonitorOptions, type IntervalHistogram } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { addProcessMetrics } from '../../../../native-free-io/process/process-metrics.ts'
import { Registry } from '../../../../src/metrics/registry.ts'

const lag = 'nodejs_eventloop_lag_p99_seconds'

/** A monitor without a timer: the test records its samples, in milliseconds. */
function world() {
  const registry = new Registry()
  const histogram = createHistogram()
  let intervalMs = 0
  addProcessMetrics(registry, (options?: EventLoopMonitorOptions) => {
    intervalMs = options!.resolution!
    return Object.assign(histogram, { enable: () => true, disable: () => true }) as unknown as IntervalHistogram
  })
  return { registry, intervalMs, sample: (ms: number) => histogram.record(Math.round(ms * 1e6)) }
}

test('process metrics: samples of the event loop wake the main thread of an idle node at most ten times per second', () => {
  expect(1000 / world().intervalMs).toBeLessThanOrEqual(10)
})

test('process metrics: the delay of the event loop is that of the samples since the last scrape, without their interval', () => {
  const { registry, intervalMs, sample } = world()
  expect(registry.sum(lag)).toBe(0)
  for (let i = 0; i < 10; i++) sample(intervalMs + 40)
  expect(registry.sum(lag)).toBeCloseTo(0.04, 3)
  expect(registry.sum(lag)).toBe(0)
  sample(intervalMs - 1)
  expect(registry.sum(lag)).toBe(0)
})
