import { type Denial, deny } from '../policy/denial.ts'

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

/** What a kept-alive connection ends in when the upstream closed it just as the request went out. */
export const isStaleConnection = (error: unknown): boolean =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error))

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

export const tooSlow = (cause?: string): Denial =>
  deny('upstream_timeout', 'The API behind the gateway did not answer in time', {
    ...(cause && { cause }),
  })

/** Why an upstream did not answer: the caller is told what, the operator's log also why. */
export function upstreamDenial(error: Error): Denial {
  const code = codeOf(error)
  const cause = code === '' ? error.message : `${code}: ${error.message}`
  if (TIMEOUTS.has(code) || error.message === 'timeout') return tooSlow(cause)
  return deny('upstream_unavailable', 'The API behind the gateway cannot be reached', { cause })
}
