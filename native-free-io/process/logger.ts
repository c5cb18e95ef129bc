import pino, { type DestinationStream, type Logger } from 'pino'

/** A line of JSON an event: `log.info({ topic }, 'topic created')`. What clients sent is escaped by being JSON. */
export type Log = Logger

/** Standard error, so that standard output is for what was asked. */
const standardError = 2

export interface LogDestination {
  readonly stream: DestinationStream
  /** Readable lines are required, and their printer is not installed. */
  readonly isPrinterMissing: boolean
}

/**
 * Lines are written before the call returns: the last words of a process that stops are what is wanted most. `auto`: readable lines
 * on a terminal, else JSON. Readable lines are those of pino's own printer, a development dependency: without it there is JSON.
 */
export async function logDestination(format: 'json' | 'pretty' | 'auto'): Promise<LogDestination> {
  const isReadable = format === 'pretty' || (format === 'auto' && process.stderr.isTTY && process.env['NODE_ENV'] !== 'production')
  const printer = isReadable ? await import('pino-pretty').catch(() => undefined) : undefined
  const isPrinterMissing = format === 'pretty' && printer === undefined
  if (printer === undefined) return { stream: pino.destination({ dest: standardError, sync: true }), isPrinterMissing }
  const stream = printer.default({
    destination: standardError,
    sync: true,
    colorize: process.stderr.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return { stream, isPrinterMissing }
}

export function openLog(level: string, destination: DestinationStream): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    destination,
  )
}
