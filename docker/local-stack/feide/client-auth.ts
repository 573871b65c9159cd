import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Form } from './form.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import type { Client, Register } from './register.ts'

interface Credentials {
  readonly id: string
  /** Absent from a client that only says who it is. */
  readonly secret?: string | undefined
}

const BAD = refuse('invalid_client', 'client authentication failed')

// Compared with when the client is unknown or has no secret, so that this takes as long as a wrong
// secret.
const NOBODYS_SECRET = randomUUID()

/**
 * Who asks, by HTTP Basic or by `client_id` and `client_secret` in the form, never by both. A public
 * client has `client_id` alone (RFC 6749 section 3.2.1).
 */
export const authenticateClient = (
  { clients }: Register,
  authorization: string | undefined,
  form: Form,
): Client | Refusal => {
  const credentials = readCredentials(authorization, form)
  if (isRefusal(credentials)) return credentials
  const client = clients.get(credentials.id)
  if (client && client.secret === undefined && credentials.secret === undefined) return client
  const right = sameSecret(credentials.secret ?? '', client?.secret ?? NOBODYS_SECRET)
  return client && right ? client : BAD
}

const readCredentials = (authorization: string | undefined, form: Form): Credentials | Refusal => {
  const id = form.get('client_id')
  const secret = form.get('client_secret')
  if (authorization === undefined) return id ? { id, secret } : BAD
  if (secret !== undefined)
    return refuse('invalid_request', 'use one way of client authentication, not two')
  const basic = readBasic(authorization)
  return basic && (id ?? basic.id) === basic.id ? basic : BAD
}

const readBasic = (authorization: string): Credentials | undefined => {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  const pair = encoded && /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8'))
  if (!pair) return undefined
  return { id: formDecoded(pair[1] ?? ''), secret: formDecoded(pair[2] ?? '') }
}

// RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
const formDecoded = (text: string): string =>
  new URLSearchParams(`v=${text.replaceAll('&', '%26')}`).get('v') ?? ''

const sameSecret = (given: string, expected: string): boolean =>
  timingSafeEqual(digest(given), digest(expected))

// Digests are of one length, which timingSafeEqual needs.
const digest = (text: string) => createHash('sha256').update(text).digest()
