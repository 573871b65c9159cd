import type { MiddlewareHandler } from 'hono'
import type { Feide } from './token-answer.ts'

/**
 * Refuses what the page of another site makes a browser send. Browsers tell where a request comes
 * from in `Origin`; other clients do not have one.
 */
export const fromOwnSite =
  ({ issuer }: Feide): MiddlewareHandler =>
  async (c, next) => {
    const origin = c.req.header('origin')
    const own = [hostOf(issuer), c.req.header('host')]
    if (origin !== undefined && !own.includes(hostOf(origin)))
      return c.text('This stand-in for Feide takes no requests from other sites.', 403)
    return next()
  }

const hostOf = (origin: string): string =>
  URL.canParse(origin) ? new URL(origin).host : 'a site that hides its name'
