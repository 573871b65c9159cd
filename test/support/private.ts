/**
 * What no gateway may ever show: every token that was signed in this process, and the national ids and
 * users in them. Whatever a gateway writes, and what it answers itself, is searched for them.
 */

/** Enough to know a part of a token by, at either end of what is left of it. */
const ENDS = 20

const ends = new Map<string, string>()
const nins = new Set<string>()
const users = new Set<string>()
const clients = new Set<unknown>()

/** Base64url, and UUIDs; where dots or anything else come between, one part of a token. */
const RUNS = /[A-Za-z0-9_-]{20,}/g
/** Not those within a UUID. */
const DIGITS = /(?<![\w-])\d{11}(?![\w-])/g

/** To be told of every token that is signed. */
export function notePrivate(jws: string, payload: unknown): void {
  const [, body = '', signature = ''] = jws.split('.')
  // The header is no secret: it is the same in all tokens, and the key id in it stands in logs.
  for (const [name, part] of Object.entries({ payload: body, signature })) {
    if (part.length < 2 * ENDS) continue
    ends.set(part.slice(0, ENDS), name)
    ends.set(part.slice(-ENDS), name)
  }
  if (typeof payload !== 'object' || payload === null || Buffer.isBuffer(payload)) return
  const { sub, client_id } = payload as Record<string, unknown>
  clients.add(client_id)
  if (typeof sub === 'string' && sub.length >= ENDS && sub !== client_id) users.add(sub)
  // Claims are few and flat: wherever a national id stands among them, it is one.
  for (const nin of JSON.stringify(payload).match(DIGITS) ?? []) nins.add(nin)
}

/** What of all that is in a text; `userid`: users may be. */
export function privateIn(text: string, { userid = false } = {}): string[] {
  const found = new Set<string>()
  for (const [run] of text.matchAll(RUNS)) {
    const part = ends.get(run.slice(0, ENDS)) ?? ends.get(run.slice(-ENDS))
    if (part !== undefined) found.add(`the ${part} of a token: ${around(text, run)}`)
    else if (!userid && users.has(run) && !clients.has(run))
      found.add(`a user: ${around(text, run)}`)
  }
  for (const [digits] of text.matchAll(DIGITS)) {
    if (nins.has(digits)) found.add(`a national id: ${around(text, digits)}`)
  }
  return [...found]
}

/** @param where what it is that was searched */
export function expectNothingPrivate(where: string, text: string, options = {}): void {
  const found = privateIn(text, options)
  if (found.length > 0) throw new Error(`${where} shows ${found.slice(0, 5).join('\nand ')}`)
}

function around(text: string, found: string): string {
  const at = text.indexOf(found)
  return JSON.stringify(text.slice(Math.max(0, at - 100), at + found.length + 50))
}
