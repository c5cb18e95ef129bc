import { type Checked, middle, type Outcome, type Ratio, type Result } from './figures.ts'
import type { MicroRow } from './micro-row.ts'
import { isSustained } from './run-sustained.ts'
import type { Sample } from './sample.ts'

type Column = readonly [title: string, figure: keyof Sample, digits: number]

const columns: readonly Column[] = [
  ['MiB/s', 'mibPerSecond', 0],
  ['k rec/s', 'recordsPerSecond', 0],
  ['k req/s', 'requestsPerSecond', 1],
  ['P50 ms', 'p50Ms', 2],
  ['P99 ms', 'p99Ms', 2],
  ['P99.9 ms', 'p999Ms', 2],
  ['CPU s/GiB', 'brokerCpuSecondsPerGib', 2],
  ['CPU us/req', 'brokerCpuMicrosPerRequest', 1],
  ['load s/GiB', 'generatorCpuSecondsPerGib', 2],
  ['RSS MiB', 'rssPeakMib', 0],
  ['idle MiB', 'rssIdleMib', 0],
  ['tail MiB/s', 'tailMibPerSecond', 0],
  ['behind ms', 'tailBehindMs', 0],
  ['consumed P99', 'consumedP99Ms', 2],
  ['consumed P99.9', 'consumedP999Ms', 2],
  ['catch-up MiB/s', 'catchUpMibPerSecond', 0],
  ['start ms', 'startMs', 0],
  ['idle CPU %', 'idleCpuPercent', 2],
  ['slowest/first', 'slowestWindow', 2],
  ['written/byte', 'writtenPerByte', 2],
  ['read/byte', 'readPerByte', 2],
  ['read/consumed', 'readPerByteConsumed', 2],
]

const inThousands: ReadonlySet<keyof Sample> = new Set(['recordsPerSecond', 'requestsPerSecond'])

export function resultTable(results: readonly Result[]): string {
  const outcomes = results.flatMap((result) => result.outcomes)
  const shown = columns.filter(([, figure]) => outcomes.some((outcome) => middle(outcome, figure) !== null))
  const rows = results.flatMap((result) => result.outcomes.map((outcome) => resultRow(result, outcome, shown)))
  return table(['scenario', 'broker', ...shown.map(([title]) => title)], rows)
}

function resultRow(result: Result, outcome: Outcome, shown: readonly Column[]): string[] {
  const cells = shown.map(([, figure, digits]) => {
    const value = middle(outcome, figure)
    return value === null ? '' : (inThousands.has(figure) ? value / 1000 : value).toFixed(digits)
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

/** A row for each window of sustained runs. */
export function windowTable(results: readonly Result[]): string {
  const rows = results.flatMap(({ scenario, outcomes }) =>
    outcomes.flatMap(({ peer, samples }) =>
      samples
        .filter(isSustained)
        .flatMap(({ windows }, round) =>
          windows.map((each, index) => [
            scenario.name,
            peer,
            String(round + 1),
            String(index + 1),
            each.mibPerSecond.toFixed(0),
            each.p99Ms.toFixed(2),
            each.p999Ms.toFixed(2),
          ]),
        ),
    ),
  )
  return table(['scenario', 'broker', 'round', 'window', 'MiB/s', 'P99 ms', 'P99.9 ms'], rows)
}

export const limitTable = (rows: readonly Checked[]): string =>
  table(
    ['scenario', 'broker', 'figure', 'worst', 'target', ''],
    rows.map((each) => [
      each.scenario,
      each.peer,
      each.figure,
      each.value.toFixed(2),
      `${each.figure === 'slowestWindow' ? '>=' : '<='} ${each.limit}`,
      each.isReached ? 'reached' : 'missed',
    ]),
  )

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
