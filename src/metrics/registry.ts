import { assert } from '../base/assert.ts'
import type { MetricRow, MetricTable } from './rows.ts'

export type Labels = { readonly [label: string]: string }

/** The current value of a metric. Samples with the same labels are added up. */
export interface Sample {
  readonly labels: Labels
  readonly value: number
}

interface Family extends MetricRow {
  readonly sources: (() => readonly Sample[])[]
}

const nameForm = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/** All metrics of the process, read on request. */
export class Registry {
  readonly #families = new Map<string, Family>()

  /** Rows that a thread counts in `values`, in the order of the table. Blocks of several threads differ by their labels. */
  block(table: MetricTable, values: Float64Array, labels: Labels = {}): void {
    Object.values(table).forEach((row, index) => {
      this.#family(row).sources.push(() => [{ labels, value: values[index]! }])
    })
  }

  /** A metric that is computed on request. */
  computed(row: MetricRow, read: () => number | readonly Sample[]): void {
    this.#family(row).sources.push(() => {
      const found = read()
      return typeof found === 'number' ? [{ labels: {}, value: found }] : found
    })
  }

  /** Sum over all labels; 0 when there is no such metric. */
  sum(name: string): number {
    const samples = this.#families.get(name)?.sources.flatMap((source) => source()) ?? []
    return samples.reduce((sum, sample) => sum + sample.value, 0)
  }

  /** Prometheus text format 0.0.4. */
  text(): string {
    return [...this.#families.values()].map(familyText).join('')
  }

  #family(row: MetricRow): Family {
    assert(nameForm.test(row.name), `${row.name} is a name that Prometheus takes`)
    const known = this.#families.get(row.name)
    assert(known === undefined || known.type === row.type, `${row.name} has one type`)
    const family = known ?? { ...row, sources: [] }
    this.#families.set(row.name, family)
    return family
  }
}

export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

function familyText({ name, help, type, sources }: Family): string {
  const values = new Map<string, number>()
  for (const { labels, value } of sources.flatMap((source) => source())) {
    const key = labelsText(labels)
    values.set(key, (values.get(key) ?? 0) + value)
  }
  const lines = [...values].map(([labels, value]) => `${name}${labels} ${numberText(value)}\n`)
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}
