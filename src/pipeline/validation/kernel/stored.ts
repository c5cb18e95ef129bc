import { charge, get, job, room, set, step } from './job.ts'

/** Records that are not compressed, piece by piece. */
const pieceBytes: usize = 64 << 10

export function stepStored(at: usize): i32 {
  const input = get(at, job.input)
  const bytes = min(get(at, job.inputEnd) - input, pieceBytes)
  if (bytes == 0) return step.end
  set(at, job.history, 0)
  if (!room(at, bytes)) return step.window
  const output = get(at, job.output)
  memory.copy(output, input, bytes)
  set(at, job.input, input + bytes)
  set(at, job.output, output + bytes)
  charge(at, <i32>bytes)
  return step.further
}
