import type { HeaderList } from '../model.ts'

/** Where a trace of somebody else's stands (W3C Trace Context). */
export interface TraceParent {
  /** Hexadecimal. */
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZEROS = /^0+$/

/** The trace that a caller is in; `undefined` where it names none, two, or one that is malformed. */
export function readTraceParent(headers: HeaderList): TraceParent | undefined {
  let value: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    if (!isNamed(headers[i] as string, 'traceparent')) continue
    if (value !== undefined) return undefined
    value = headers[i + 1]
  }
  const [, version, traceId = '', spanId = '', flags = '', more] = FORM.exec(value ?? '') ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more)) return undefined
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED }
}

/** The one flag that is known (§3.2.2.5.1). */
const SAMPLED = 1

/**
 * The headers with another `traceparent`, right behind `Host`: nothing is put behind what the gateway
 * injects, which some servers would drop. A `tracestate` belongs to the trace that it came with (§3.3.1.1).
 */
export function withTraceParent(
  headers: readonly string[],
  { traceId, spanId, traceFlags }: TraceParent,
  keepState: boolean,
): string[] {
  const [host = '', authority = ''] = headers
  const flags = traceFlags.toString(16).padStart(2, '0')
  const result = [host, authority, 'traceparent', `00-${traceId}-${spanId}-${flags}`]
  for (let i = 2; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (isNamed(name, 'traceparent') || (!keepState && isNamed(name, 'tracestate'))) continue
    result.push(name, headers[i + 1] as string)
  }
  return result
}

const isNamed = (name: string, lower: string): boolean =>
  name.length === lower.length && name.toLowerCase() === lower
