import { Agent, request } from 'undici'
import { isSafeForKeys } from '../policy/ip.ts'
import type { IssuerPolicy } from '../policy/policy.ts'
import type { FetchKeySet } from '../token/obtain.ts'

/** Milliseconds to connect, milliseconds in all, bytes: an issuer that needs more is no issuer. */
const CONNECT_TIMEOUT = 2_000
const TOTAL_TIMEOUT = 5_000
const MAX_DOCUMENT = 256 * 1024

/**
 * Fetches the issuer's key set: through discovery (OpenID Connect Discovery 1.0 §4) unless the
 * policy names its address. Redirects are not followed; where the keys are is remembered until a
 * fetch fails.
 */
export function keySetFetcher(issuer: IssuerPolicy): FetchKeySet & { close: () => Promise<void> } {
  const agent = new Agent({ connect: { timeout: CONNECT_TIMEOUT }, maxResponseSize: MAX_DOCUMENT })
  let jwksUri = issuer.jwksUri

  const fetchKeySet = async (): Promise<unknown> => {
    const signal = AbortSignal.timeout(TOTAL_TIMEOUT)
    try {
      jwksUri ??= await discover(issuer, agent, signal)
      return await fetchJson(jwksUri, agent, signal)
    } catch (error) {
      jwksUri = issuer.jwksUri
      throw error
    }
  }
  return Object.assign(fetchKeySet, { close: () => agent.destroy() })
}

async function discover(issuer: IssuerPolicy, agent: Agent, signal: AbortSignal): Promise<string> {
  const url = `${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`
  const found = await fetchJson(url, agent, signal)
  const { issuer: name, jwks_uri: uri } = Object(found) as Record<string, unknown>
  if (name !== issuer.url) throw new Error(`discovery: its issuer is not ${issuer.url}`)
  if (typeof uri !== 'string' || !URL.canParse(uri)) throw new Error('discovery: no jwks_uri')
  if (!isSafeForKeys(uri, issuer.allowHttp)) throw new Error('discovery: its jwks_uri is not https')
  return uri
}

async function fetchJson(url: string, agent: Agent, signal: AbortSignal): Promise<unknown> {
  const at = new URL(url)
  const where = at.origin + at.pathname
  try {
    const headers = { accept: 'application/json' }
    const { statusCode, body } = await request(url, { dispatcher: agent, signal, headers })
    if (statusCode !== 200) {
      await body.dump()
      throw new Error(`status ${statusCode}`)
    }
    return await body.json()
  } catch (error) {
    throw new Error(`${where}: ${reasonOf(error)}`)
  }
}

/** A short text for the operator; an error of the network has a code that says more than its message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof SyntaxError) return 'the answer is not JSON'
  if (error.name === 'TimeoutError') return 'it took too long'
  const code = 'code' in error ? String(error.code) : ''
  return code.startsWith('UND_') || code === '' ? error.message : code
}
