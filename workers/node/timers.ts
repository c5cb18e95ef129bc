/** Calls `tick` periodically without keeping the process alive. The returned function ends it. */
export function every(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms).unref()
  return () => clearInterval(timer)
}
