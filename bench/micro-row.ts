/** A figure of a measurement without a broker. */
export interface MicroRow {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly remark?: string
}
