import pino, { type DestinationStream, type Logger } from 'pino'

/** A line of JSON an event: `log.info({ topic }, 'topic created')`. What clients sent is escaped by being JSON. */
export type Log = Logger

/**
 * To standard error, so that standard output is for what was asked. Lines are written before the call returns: the last words of a
 * process that stops are what is wanted most.
 */
export function openLog(level: string, destination: DestinationStream = pino.destination({ dest: 2, sync: true })): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    destination,
  )
}
