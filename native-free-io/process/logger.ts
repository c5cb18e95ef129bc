import pino, { type DestinationStream, type Logger } from 'pino'

/** One line of JSON per event: `log.info({ topic }, 'topic created')`. JSON escapes input from clients. */
export type Log = Logger

/** Standard error, since standard output is for results of commands. */
const standardError = 2

export interface LogDestination {
  readonly destination: DestinationStream
  /** The readable format is required, and its printer is not installed. */
  readonly isPrinterMissing: boolean
}

/**
 * Lines are written before the call returns, since the last lines of a process that stops are the most important ones. `auto`: readable
 * lines on a terminal, else JSON. Readable lines are printed by pino's own printer, a development dependency; without it, lines are JSON.
 */
export async function logDestination(format: 'json' | 'pretty' | 'auto'): Promise<LogDestination> {
  const isReadable = format === 'pretty' || (format === 'auto' && process.stderr.isTTY && process.env['NODE_ENV'] !== 'production')
  const printer = isReadable ? await import('pino-pretty').catch(() => undefined) : undefined
  const isPrinterMissing = format === 'pretty' && printer === undefined
  if (printer === undefined) return { destination: pino.destination({ dest: standardError, sync: true }), isPrinterMissing }
  const destination = printer.default({
    destination: standardError,
    sync: true,
    colorize: process.stderr.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return { destination, isPrinterMissing }
}

export function openLog(level: string, destination: DestinationStream): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    destination,
  )
}
