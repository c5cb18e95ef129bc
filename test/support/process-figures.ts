import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Figures of a process and all its descendants on Linux; 0 on other systems. */
export interface ProcessFigures {
  readonly cpuSeconds: number
  readonly rssMib: number
  readonly rssPeakMib: number
  /** Written to and read from disks; what the page cache answers does not count. */
  readonly writtenMib: number
  readonly readMib: number
}

const ticksPerSecond = 100
const isLinux = existsSync('/proc/self/stat')

export function processFigures(pid: number): ProcessFigures {
  const all = isLinux ? descendants(pid) : []
  return {
    cpuSeconds: sum(all, (each) => cpuTicks(each) / ticksPerSecond),
    rssMib: sum(all, (each) => statusKib(each, 'VmRSS') / 1024),
    rssPeakMib: sum(all, (each) => statusKib(each, 'VmHWM') / 1024),
    writtenMib: sum(all, (each) => ioBytes(each, 'write_bytes') / 2 ** 20),
    readMib: sum(all, (each) => ioBytes(each, 'read_bytes') / 2 ** 20),
  }
}

export const openFiles = (pid: number): number => (isLinux ? readdirSync(`/proc/${pid}/fd`).length : 0)

function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = Number(stat(Number(name))[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [pid]
  for (const each of found) found.push(...(children.get(each) ?? []))
  return found
}

/** Fields after the command's name, which may contain blanks: [0] is the state, [1] the parent. Includes all threads. */
function stat(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

const cpuTicks = (pid: number): number => {
  const fields = stat(pid)
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
}

const statusKib = (pid: number, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? 0)

const ioBytes = (pid: number, name: string): number => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(read(`/proc/${pid}/io`))?.[1] ?? 0)

const sum = (pids: readonly number[], figure: (pid: number) => number): number => pids.reduce((total, pid) => total + figure(pid), 0)

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
