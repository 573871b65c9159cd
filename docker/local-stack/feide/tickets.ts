import { randomUUID } from 'node:crypto'
import type { LoginRequest } from './authorization.ts'
import { dropExpired } from './opaque.ts'

/** Seconds to choose a user in; reading a page may take its time. */
const LIFETIME = 600

/** Logins that may be open at once; then the oldest are forgotten. */
const MOST = 1_000

/**
 * The logins that wait for a choice. A login page carries a ticket and nothing else, so nothing of
 * the request can be changed on its way through the browser, and no other site can know the ticket.
 */
export interface Tickets {
  issue(request: LoginRequest): string
  /** Each ticket is good once. */
  take(ticket: string): LoginRequest | undefined
}

/** `now` is in seconds since 1970. */
export const loginTickets = (now: () => number): Tickets => {
  const open = new Map<string, { readonly request: LoginRequest; readonly expiresAt: number }>()
  return {
    issue(request) {
      dropExpired(open, now())
      const [oldest] = open.keys()
      if (open.size >= MOST && oldest !== undefined) open.delete(oldest)
      const ticket = randomUUID()
      open.set(ticket, { request, expiresAt: now() + LIFETIME })
      return ticket
    },
    take(ticket) {
      const found = open.get(ticket)
      open.delete(ticket)
      return found && found.expiresAt > now() ? found.request : undefined
    },
  }
}
