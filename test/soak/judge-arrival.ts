import type { Seen } from '../load/origin/words.ts'
import type { Arrival } from './shot.ts'

const FRAMING = new Set(['connection', 'content-length', 'transfer-encoding'])

/**
 * Holds what an upstream saw against what it must see: every header, in order.
 *
 * @param how much of it: a body may have been cut off by the caller
 */
export function judgeArrival(
  seen: Seen,
  wanted: Arrival,
  how: 'whole' | 'head',
): string | undefined {
  const { method, target, own, passed } = wanted
  if (seen.target !== target) return `the upstream saw ${seen.target}, not ${target}`
  if (seen.method !== method) return `the upstream saw ${seen.method}, not ${method}`
  const told = new Set<string>()
  const rest: string[] = []
  for (let i = 0; i < seen.headers.length; i += 2) {
    const name = seen.headers[i] ?? ''
    const value = seen.headers[i + 1] ?? ''
    const lower = name.toLowerCase()
    if (FRAMING.has(lower)) {
      if (!isFraming(lower, value, wanted)) return `the upstream saw ${name}: ${value}`
    } else if (own.has(lower)) {
      const right = own.get(lower)
      if (told.has(lower)) return `the upstream saw ${name} twice`
      if (right !== undefined && right !== value) return `the upstream saw ${name}: ${value}`
      told.add(lower)
    } else rest.push(name, value)
  }
  for (const name of own.keys()) if (!told.has(name)) return `the upstream did not see ${name}`
  const different = firstDifference(rest, passed)
  if (different !== undefined) return different
  if (how === 'head') return undefined
  return seen.bytes === wanted.bytes && seen.crc === wanted.crc
    ? undefined
    : `the upstream saw another body: ${seen.bytes} bytes, not ${wanted.bytes}`
}

/** Of the gateway's own connection to the upstream. */
const CONNECTION = { upgrade: /^upgrade$/i, plain: /^(keep-alive|close)$/i } as const

function isFraming(name: string, value: string, { framing, bytes, own }: Arrival): boolean {
  if (name === 'transfer-encoding') return framing === 'chunked' && value === 'chunked'
  if (name === 'connection') return CONNECTION[own.has('upgrade') ? 'upgrade' : 'plain'].test(value)
  return value === String(bytes) && (framing !== 'chunked' || bytes === 0)
}

function firstDifference(seen: readonly string[], wanted: readonly string[]): string | undefined {
  const at = wanted.findIndex((part, i) => part !== seen[i])
  const index = at < 0 && seen.length > wanted.length ? wanted.length : at
  if (index < 0) return undefined
  const shown = (list: readonly string[]) =>
    JSON.stringify(list.slice(index - (index % 2))).slice(0, 300)
  return `of the caller's headers the upstream saw ${shown(seen)}, not ${shown(wanted)}`
}
