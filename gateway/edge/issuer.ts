import { isSafeForKeys } from '../policy/ip.ts'
import type { IssuerPolicy } from '../policy/policy.ts'
import type { FetchKeySet } from '../token/obtain.ts'
import { codeOf } from '../upstream/faults.ts'
import { fetchSmall } from '../upstream/fetch.ts'

/** Milliseconds to connect, milliseconds in all, bytes: an issuer that needs more is no issuer. */
const CONNECT_TIMEOUT = 2_000
const TOTAL_TIMEOUT = 5_000
const MAX_DOCUMENT = 256 * 1024

/**
 * Fetches the issuer's key set: through discovery (OpenID Connect Discovery 1.0 §4) unless the
 * policy names its address. Redirects are not followed; where the keys are is remembered until a
 * fetch fails.
 */
export function keySetFetcher(issuer: IssuerPolicy): FetchKeySet & { close: () => void } {
  const closing = new AbortController()
  let jwksUri = issuer.jwksUri

  const fetchKeySet = async (): Promise<unknown> => {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(TOTAL_TIMEOUT)])
    try {
      jwksUri ??= await discover(issuer, signal)
      return await fetchJson(jwksUri, signal)
    } catch (error) {
      jwksUri = issuer.jwksUri
      throw error
    }
  }
  return Object.assign(fetchKeySet, { close: () => closing.abort() })
}

async function discover(issuer: IssuerPolicy, signal: AbortSignal): Promise<string> {
  const url = `${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`
  const found = await fetchJson(url, signal)
  const { issuer: name, jwks_uri: uri } = Object(found) as Record<string, unknown>
  if (name !== issuer.url) throw new Error(`discovery: its issuer is not ${issuer.url}`)
  if (typeof uri !== 'string' || !URL.canParse(uri)) throw new Error('discovery: no jwks_uri')
  if (!isSafeForKeys(uri, issuer.allowHttp)) throw new Error('discovery: its jwks_uri is not https')
  return uri
}

async function fetchJson(url: string, signal: AbortSignal): Promise<unknown> {
  const at = new URL(url)
  const limits = { connectTimeout: CONNECT_TIMEOUT, maxBody: MAX_DOCUMENT, signal }
  try {
    const { status, body } = await fetchSmall(at, 'application/json', limits)
    if (status !== 200) throw new Error(`status ${status}`)
    return JSON.parse(body.toString())
  } catch (error) {
    throw new Error(`${at.origin}${at.pathname}: ${reasonOf(error)}`)
  }
}

/** A short text for the operator; an error of the network has a code that says more than its message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof SyntaxError) return 'the answer is not JSON'
  if (error.name === 'TimeoutError') return 'it took too long'
  return codeOf(error) || error.message
}
