/**
 * Which headers of a caller go on to an upstream (contract 4).
 *
 * CGI, WSGI, PHP and others fold names: `X_Dataporten.Userid` and `X-Dataporten-Userid` are one
 * variable to them. So names are compared folded, and names with unusual characters do not pass.
 */

/** A name as a server that folds would see it: lower case, all but letters and digits read as `-`. */
export const fold = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-')

/** What only the gateway may say. */
export const IDENTITY_PREFIXES = ['x-dataporten-', 'x-feideconnect-', 'x-feide-'] as const

/** Tells the upstream what a request would have been refused for (`enforce: false`). */
export const SHADOW_HEADER = 'X-Gateway-Shadow'

/** RFC 9110 §7.6.1 and its forerunners; `Proxy` is nobody's header, but `HTTP_PROXY` to a CGI program. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export const isHopByHop = (name: string): boolean => HOP_BY_HOP.has(name)

/** Written by the gateway itself, or answered by it. */
const OWN = new Set([
  'host',
  'content-length',
  'authorization',
  'expect',
  'http2-settings',
  'x-request-id',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  fold(SHADOW_HEADER),
])

const METHOD_OVERRIDES = new Set(['x-http-method-override', 'x-http-method', 'x-method-override'])

const isForwarding = (folded: string) =>
  folded === 'forwarded' || folded === 'x-real-ip' || folded.startsWith('x-forwarded-')

/** A folded name that a policy may not inject: the gateway or the framing of HTTP needs it. */
export const isReserved = (folded: string): boolean =>
  isHopByHop(folded) || OWN.has(folded) || folded.startsWith('content-') || isForwarding(folded)

export interface NeverTaken {
  /** Folded names that any data source of the policy injects or strips. */
  readonly names: ReadonlySet<string>
}

/** Folded names that are taken from no caller, whatever the data source allows. */
export const isNeverTaken = (folded: string, { names }: NeverTaken): boolean =>
  IDENTITY_PREFIXES.some(prefix => folded.startsWith(prefix)) ||
  names.has(folded) ||
  isHopByHop(folded) ||
  OWN.has(folded) ||
  METHOD_OVERRIDES.has(folded)

/** Names seen before; callers choose them, so there is an end to how many are remembered. */
const MEMORY = 1000
const LONGEST_REMEMBERED = 64

/**
 * Compiles the rule of one data source: whether a header that a caller sent goes on.
 *
 * @param allowed names with unusual characters that may pass, in lower case
 */
export function compilePasses(never: NeverTaken, allowed: ReadonlySet<string>) {
  const passes = (lower: string, trusted: boolean): boolean => {
    const folded = fold(lower)
    if (isNeverTaken(folded, never)) return false
    if (folded !== lower && !allowed.has(lower)) return false
    return trusted || !isForwarding(folded)
  }
  const memory = { true: new Map<string, boolean>(), false: new Map<string, boolean>() }
  return (name: string, trusted: boolean): boolean => {
    const known = memory[`${trusted}`]
    const before = known.get(name)
    if (before !== undefined) return before
    const answer = passes(name.toLowerCase(), trusted)
    if (known.size < MEMORY && name.length <= LONGEST_REMEMBERED) known.set(name, answer)
    return answer
  }
}

/** Headers that frame or describe the message: a `Connection` that names them is ignored. */
const NOT_NOMINABLE = new Set(['host', 'content-length', 'content-type'])

/** The names in `Connection`, lower case: headers for the next hop alone (RFC 9110 §7.6.1). */
export function nominated(headers: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    for (const option of (headers[i + 1] as string).split(',')) {
      const lower = option.trim().toLowerCase()
      if (lower === '' || lower === 'close' || lower === 'keep-alive') continue
      if (!NOT_NOMINABLE.has(lower)) names = (names ?? new Set()).add(lower)
    }
  }
  return names
}
