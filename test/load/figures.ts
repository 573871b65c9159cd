import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** What Linux says of a process: see proc(5). */

export const MIB = 1024 * 1024

/** Open files and sockets. */
export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** Bytes in memory now, and the most there were since the peak was forgotten. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') }
}

export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')

/** Throws, in words that help, where a process may not open as many files as a proof needs. */
export function needDescriptors(pid: number, needed: number): void {
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8')
  const text = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1] ?? '0'
  if (text === 'unlimited' || Number(text) >= needed) return
  throw new Error(
    `this needs ${needed} open files in one process, and ${text} are allowed: raise the hard limit (\`ulimit -Hn ${needed}\`)`,
  )
}

/** The middle one of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
