import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { isLoopback } from '../../policy/ip.ts'

/** Who may see the page. */
export interface GuardOptions {
  /** The address that the admin server listens on. */
  readonly bound: () => string
  readonly secret: string | undefined
}

/**
 * On a loopback address everybody on this machine may see the page, but no web site that a browser here
 * shows: names of the outside that lead here (DNS rebinding) are refused. Elsewhere a secret is asked for.
 */
export const guard =
  ({ bound, secret }: GuardOptions): MiddlewareHandler =>
  async (c, next) => {
    if (secret === undefined) {
      if (!isLoopbackHost(hostOf(bound()))) return c.text(NOT_HERE, 403)
      if (!isLoopbackHost(c.req.header('host') ?? '')) return c.text(OTHER_NAME, 403)
    } else if (!knows(c.req.header('authorization'), secret)) {
      c.header('WWW-Authenticate', 'Basic realm="feide-gateway", charset="UTF-8"')
      return c.text(ASKS, 401)
    }
    return next()
  }

const NOT_HERE = `The page is not served here: the admin address can be reached from other machines.
Give it a secret in the policy:

  admin: { listen: <address>, secret: "\${ADMIN_SECRET}" }

or let it listen on 127.0.0.1 alone. /healthz, /readyz, /metrics and /status are served all the same.
`
const OTHER_NAME = `The page is not served under this name, but under localhost and 127.0.0.1 alone.
For another name set admin.secret in the policy.
`
const ASKS =
  'The page asks for the secret of the policy (admin.secret): as password, with any user name.\n'

const hostOf = (address: string): string => (address.includes(':') ? `[${address}]` : address)

function isLoopbackHost(host: string): boolean {
  const url = `http://${host}`
  return /^[A-Za-z0-9.:[\]-]+$/.test(host) && URL.canParse(url) && isLoopback(url)
}

/** Bearer, or Basic with any user name: what a browser can ask for. */
function knows(authorization: string | undefined, secret: string): boolean {
  const [, scheme = '', value = ''] = /^(bearer|basic) +(\S+) *$/i.exec(authorization ?? '') ?? []
  if (scheme === '') return false
  if (scheme.toLowerCase() === 'bearer') return isSame(value, secret)
  const given = Buffer.from(value, 'base64').toString('utf8')
  return isSame(given.slice(given.indexOf(':') + 1), secret)
}

/** In a time that tells nothing, neither of the secret nor of its length. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A text that only who has read the page can know. */
export const createFormKey = (): string => randomBytes(16).toString('base64url')

/**
 * Whether a request comes from the page itself. Browsers say so where the connection is trustworthy; where
 * they do not, `Origin` does, which `Referrer-Policy: no-referrer` makes `null` for plain forms: those show
 * the key that is in the form. Programs that are no browsers say nothing of all this.
 */
export function isOwn(c: Context, key: string, formKey: string): boolean {
  const site = c.req.header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin'
  const origin = c.req.header('origin')
  if (origin === undefined) return true
  const isHere = origin.replace(/^https?:\/\//, '') === c.req.header('host')
  return isHere || isSame(key, formKey)
}
