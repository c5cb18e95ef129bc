import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Registry } from '../../src/metrics/registry.ts'
import { filesMax } from './file-limit.ts'

/**
 * Interval of the samples, milliseconds. Each sample wakes the main thread: at 20 ms they were most of what an idle node costs. A longer
 * interval gives fewer samples, and the same share of late ones.
 */
const sampleMs = 100

/** Metrics of the process with the names of prom-client, which common dashboards use. */
export function addProcessMetrics(registry: Registry, monitor: typeof monitorEventLoopDelay = monitorEventLoopDelay): void {
  const gauge = (name: string, help: string, read: () => number): void => registry.computed({ name, help, type: 'gauge' }, read)
  const counter = (name: string, help: string, read: () => number): void => registry.computed({ name, help, type: 'counter' }, read)

  counter('process_cpu_user_seconds_total', 'CPU time in user mode, all threads.', () => process.cpuUsage().user / 1e6)
  counter('process_cpu_system_seconds_total', 'CPU time in the kernel, all threads.', () => process.cpuUsage().system / 1e6)
  counter('process_cpu_seconds_total', 'CPU time, all threads.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  const started = performance.timeOrigin / 1000
  gauge('process_start_time_seconds', 'Start of the process, since 1970.', () => started)
  gauge('process_resident_memory_bytes', 'Memory that the process holds.', () => process.memoryUsage.rss())
  gauge('process_open_fds', 'Open file descriptors.', openFiles)
  gauge('process_max_fds', 'File descriptors that may be open.', filesMax)

  gauge('nodejs_heap_size_total_bytes', 'Heap of the main thread.', () => process.memoryUsage().heapTotal)
  gauge('nodejs_heap_size_used_bytes', 'Heap of the main thread in use.', () => process.memoryUsage().heapUsed)
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap that the main thread holds.', () => process.memoryUsage().external)
  gauge(
    'nodejs_active_resources',
    'Resources that keep the event loop of the main thread alive.',
    () => process.getActiveResourcesInfo().length,
  )
  const delay = monitor({ resolution: sampleMs })
  delay.enable()
  gauge('nodejs_eventloop_lag_p99_seconds', 'Delay of the main thread’s event loop since the last scrape.', () => {
    // The samples of Node are the times between two wake-ups, with the interval.
    const p99 = delay.count === 0 ? 0 : Math.max(0, delay.percentile(99) / 1e9 - sampleMs / 1000)
    delay.reset()
    return p99
  })
  const info = { name: 'nodejs_version_info', help: 'The Node that runs this.', type: 'gauge' } as const
  registry.computed(info, () => [{ labels: { version: process.version }, value: 1 }])
}

/** NaN if the system has no /proc. */
function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return Number.NaN
  }
}
