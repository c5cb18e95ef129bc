import type { StorageStep } from '../../src/ports/storage-steps.ts'

/** Points at which a process can be made to die, for tests of the state after a crash. */
export type CrashPoint =
  | StorageStep
  | 'founding begun'
  | 'store claimed'
  | 'log opened'
  | 'founding recorded'
  | 'founding done'
  | 'segment indexed'
  | 'segment recycled'
  | 'segment created'
  | 'former lanes stored'
  | 'lanes changed'
  | 'former lane emptied'
  | 'metadata log written'
  | 'metadata log synced end lowered'
  | 'metadata log segment removed'
  | 'metadata log segment cut'
  | 'metadata log segment created'
  | 'checkpoint written'
  | 'checkpoint renamed'

const [chosen, count] = (process.env['MILLRACE_CRASH_POINT'] ?? '').split(':')
let left = Number(count ?? 1)

/** Has an effect only with MILLRACE_CRASH_POINT=POINT:COUNT: then the COUNT-th call kills the process, as kill -9 does. */
export function crashPoint(point: CrashPoint): void {
  if (point === chosen && --left === 0) process.kill(process.pid, 'SIGKILL')
}
