import { type Denial, deny } from '../policy/denial.ts'

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

/** What is wrong with a connection or an answer; no fault of the system's. */
export class UpstreamFault extends Error {
  readonly kind: 'closed' | 'timeout' | 'malformed'

  constructor(kind: UpstreamFault['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

const isOfKind = (error: unknown, kind: UpstreamFault['kind']): boolean =>
  error instanceof UpstreamFault && error.kind === kind

/** What a kept-alive connection ends in when the upstream closed it just as the request went out. */
export const isStaleConnection = (error: unknown): boolean =>
  isOfKind(error, 'closed') || ['ECONNRESET', 'EPIPE'].includes(codeOf(error))

const tooSlow = (cause: string): Denial =>
  deny('upstream_timeout', 'The API behind the gateway did not answer in time', { cause })

/** Why an upstream did not answer: the caller is told what, the operator's log also why. */
export function upstreamDenial(error: Error): Denial {
  const code = codeOf(error)
  const cause = code === '' ? error.message : `${code}: ${error.message}`
  if (code === 'ETIMEDOUT' || isOfKind(error, 'timeout')) return tooSlow(cause)
  return deny('upstream_unavailable', 'The API behind the gateway cannot be reached', { cause })
}
