import { middle, type Outcome, type Ratio, type Result } from './figures.ts'
import type { MicroRow } from './micro-row.ts'
import type { Sample } from './run-scenario.ts'

type Column = readonly [title: string, figure: keyof Sample, digits: number]

const columns: readonly Column[] = [
  ['MiB/s', 'mibPerSecond', 0],
  ['k rec/s', 'recordsPerSecond', 0],
  ['P50 ms', 'p50Ms', 2],
  ['P99 ms', 'p99Ms', 2],
  ['P99.9 ms', 'p999Ms', 2],
  ['CPU s/GiB', 'brokerCpuSecondsPerGib', 2],
  ['load s/GiB', 'generatorCpuSecondsPerGib', 2],
  ['RSS MiB', 'rssPeakMib', 0],
  ['idle MiB', 'rssIdleMib', 0],
  ['tail MiB/s', 'tailMibPerSecond', 0],
  ['behind ms', 'tailBehindMs', 0],
  ['start ms', 'startMs', 0],
]

export function resultTable(results: readonly Result[]): string {
  const outcomes = results.flatMap((result) => result.outcomes)
  const shown = columns.filter(([, figure]) => outcomes.some((outcome) => middle(outcome, figure) !== null))
  const rows = results.flatMap((result) => result.outcomes.map((outcome) => resultRow(result, outcome, shown)))
  return table(['scenario', 'broker', ...shown.map(([title]) => title)], rows)
}

function resultRow(result: Result, outcome: Outcome, shown: readonly Column[]): string[] {
  const cells = shown.map(([, figure, digits]) => {
    const value = middle(outcome, figure)
    return value === null ? '' : (figure === 'recordsPerSecond' ? value / 1000 : value).toFixed(digits)
  })
  const failure = outcome.failures[0]
  return [
    result.scenario.name,
    outcome.peer,
    ...cells,
    ...(failure ? [`${outcome.failures.length} failed: ${failure.split('\n')[0]}`] : []),
  ]
}

export function ratioTable(ratios: readonly Ratio[]): string {
  const mark = (each: Ratio): string => (each.isReached === null ? '' : each.isReached ? 'reached' : 'missed')
  const bound = (each: Ratio): string => (each.requested === null ? '' : `${each.figure === 'throughput' ? '>=' : '<='} ${each.requested}`)
  const rows = ratios.map((each) => [each.scenario, each.peer, each.figure, each.ratio.toFixed(2), bound(each), mark(each)])
  return table(['scenario', 'millrace /', 'figure', 'ratio', 'target', ''], rows)
}

export const microTable = (rows: readonly MicroRow[]): string =>
  table(
    ['measured', 'value', 'unit', 'remark'],
    rows.map((row) => [row.name, row.value.toFixed(row.value < 100 ? 2 : 0), row.unit, row.remark ?? '']),
  )

/** The first two columns contain words, the others numbers where possible. */
function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, index) => Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (/^[-\d.]+$/.test(cell) ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(titles), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}
