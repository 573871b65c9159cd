import { stringify } from 'yaml'
import { AUDIENCE } from './issuer.ts'

export type PolicyOptions = {
  /** The issuer, its URL, or what the policy is to say about it (`url` and more). */
  readonly issuer: string | { readonly url: string }
  /** The upstream, or its URL. */
  readonly upstream: string | { readonly url: string }
  /** Anything else of the policy file, put over the minimal one at any depth; `undefined` removes. */
  readonly [key: string]: unknown
}

/** The routes of the minimal policy. */
export const ROUTES = {
  'GET /courses': { scopes: ['read'] },
  'GET /me': 'authenticated',
  'GET /health': 'public',
}

/**
 * A minimal policy as YAML text: one data source, `grades`, on free ports.
 *
 * Lists and `routes` are replaced as a whole, everything else is merged:
 * `policy({ issuer, upstream, dataSources: { grades: { routes: { 'GET /': 'public' } } } })`
 */
export function policy({ issuer, upstream, ...overrides }: PolicyOptions): string {
  const minimal = {
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    issuer: issuerOf(issuer),
    dataSources: {
      grades: { audience: AUDIENCE, upstream: { url: urlOf(upstream) }, routes: ROUTES },
    },
  }
  return stringify(merge(minimal, overrides), { lineWidth: 0, keepUndefined: false })
}

/** Of a running issuer nothing but its URL belongs into a policy. */
function issuerOf(issuer: PolicyOptions['issuer']): object {
  const isRunning = typeof issuer !== 'string' && 'close' in issuer
  return typeof issuer === 'string' || isRunning ? { url: urlOf(issuer) } : issuer
}

function urlOf(value: string | { readonly url: string }): string {
  return typeof value === 'string' ? value : value.url
}

function merge(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return over
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    merged[key] = key === 'routes' || !(key in base) ? value : merge(base[key], value)
  }
  return merged
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
