import { assert } from '../base/assert.ts'

/** A metric, as described to Prometheus. */
export interface MetricRow {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
}

export type MetricTable = { readonly [row: string]: MetricRow }

/** Rows of a pipeline stage: `millrace_stage_STAGE_ROW_total`. Each is a counter of one of its threads. */
export function stageTable<const Row extends string>(
  stage: string,
  rows: { readonly [R in Row]: string },
): { readonly [R in Row]: MetricRow } {
  const table = Object.entries<string>(rows).map(([row, help]) => [
    row,
    { name: `millrace_stage_${stage}_${row}_total`, help, type: 'counter' },
  ])
  return Object.fromEntries(table) as { readonly [R in Row]: MetricRow }
}

/** Bytes of a block's values: whole pairs of cache lines, so that adjacent blocks share no line. */
export const blockBytes = (table: MetricTable): number => Math.ceil((Object.keys(table).length * 8) / 128) * 128

/**
 * The values of a table in memory that threads share: a double each, in the order of the rows.
 *
 * Invariant: a block has one writer. Any thread may read; an aligned double is written atomically on every machine that Node supports.
 */
export class MetricBlock<T extends MetricTable> {
  readonly #values: Float64Array
  readonly #index: Readonly<Record<string, number>>

  constructor(table: T, values: Float64Array) {
    assert(values.length >= Object.keys(table).length, 'a block has room for every row')
    this.#values = values
    this.#index = Object.fromEntries(Object.keys(table).map((row, index) => [row, index]))
  }

  add(row: keyof T & string, by: number): void {
    const index = this.#index[row]!
    this.#values[index] = this.#values[index]! + by
  }

  set(row: keyof T & string, value: number): void {
    this.#values[this.#index[row]!] = value
  }
}
