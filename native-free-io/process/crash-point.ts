/** Where a process can be told to die, for tests of what a crash leaves behind. */
export type CrashPoint =
  | 'founding begun'
  | 'store claimed'
  | 'log opened'
  | 'founding recorded'
  | 'founding done'
  | 'object prepared'
  | 'object stored'
  | 'object committed'
  | 'producers saved'
  | 'log trimmed'
  | 'compaction written'
  | 'compaction committed'
  | 'cleaning written'
  | 'cleaning committed'
  | 'objects marked'
  | 'objects removed'
  | 'objects forgotten'
  | 'log start moved'

const [chosen, count] = (process.env['MILLRACE_CRASH_POINT'] ?? '').split(':')
let left = Number(count ?? 1)

/** Does nothing, except where MILLRACE_CRASH_POINT=POINT:COUNT says so: then the process is gone the COUNT-th time, as after kill -9. */
export function crashPoint(point: CrashPoint): void {
  if (point === chosen && --left === 0) process.kill(process.pid, 'SIGKILL')
}
