/** Runs a loop that catches many errors. A stack trace for each would take most of its time. */
export function untraced<T>(run: () => T): T {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return run()
  } finally {
    Error.stackTraceLimit = limit
  }
}
