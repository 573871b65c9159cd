import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** What `/proc` tells of processes and of the machine (proc(5)). Linux only, as the bench is. */

/** Microseconds in one tick: USER_HZ is 100 on every architecture that Node runs on. */
const TICK = 10_000

interface Process {
  readonly pid: number
  readonly parent: number
  /** Microseconds of its own threads and of the children that have ended, user and system. */
  readonly cpu: number
}

function read(pid: string): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name stands in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return { pid: Number(pid), parent: Number(fields[1]), cpu: ticks * TICK }
  } catch {
    // It has ended since the folder was read.
    return undefined
  }
}

/** A process and everything that descends from it. */
function tree(root: number): Process[] {
  const all = readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? (read(name) ?? []) : []))
  const members = new Map(all.filter(({ pid }) => pid === root).map(one => [one.pid, one]))
  for (let before = -1; before !== members.size; ) {
    before = members.size
    for (const one of all) if (members.has(one.parent)) members.set(one.pid, one)
  }
  return [...members.values()]
}

/** Microseconds of CPU that a process and its descendants have used, user and system. */
export const treeCpu = (root: number): number => tree(root).reduce((sum, { cpu }) => sum + cpu, 0)

/** Bytes of memory that a process and its descendants hold now, and held at most. */
export function treeMemory(root: number): { readonly now: number; readonly peak: number } {
  const sum = { now: 0, peak: 0 }
  for (const { pid } of tree(root)) {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    sum.now += kibibytes(status, 'VmRSS') * 1024
    sum.peak += kibibytes(status, 'VmHWM') * 1024
  }
  return sum
}

const kibibytes = (status: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)

/** Lets the peak begin anew. */
export function forgetPeak(root: number): void {
  for (const { pid } of tree(root)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Microseconds that all cores have been busy, time stolen by the machine's host included. */
export function machineCpu(): number {
  const [total = ''] = readFileSync('/proc/stat', 'latin1').split('\n')
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = total
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) * TICK
}

/** File descriptors that a process of ours may have. */
export function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1')
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 1024)
}
