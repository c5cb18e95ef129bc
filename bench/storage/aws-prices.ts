/** Requests to a store, by the classes of AWS. */
export interface Requests {
  /** PUT, POST, COPY and LIST. */
  readonly puts: number
  readonly gets: number
}

/** List prices of S3 Standard in us-east-1, US dollars for each request. DELETE is free of charge. */
const prices: Readonly<Record<keyof Requests, number>> = { puts: 0.005 / 1000, gets: 0.0004 / 1000 }
const secondsOfDay = 86_400

/** Charge of a day with the same requests as in `seconds`. */
export const dollarsPerDay = ({ puts, gets }: Requests, seconds: number): string =>
  `$${(((puts * prices.puts + gets * prices.gets) * secondsOfDay) / seconds).toFixed(2)} per day`
