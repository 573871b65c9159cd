import { compose } from '../compose.ts'
import { allowedDraft, type Draft, draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import type { Field, Shot } from '../shot.ts'
import { distinct, usualFields } from './fields.ts'

/** Requests on connections of their own. */

export function aloneShot(hand: Hand): Shot {
  const dice = hand.random.next()
  if (dice < 0.5) return closing(hand)
  return dice < 0.7 ? old(hand) : webSocket(hand)
}

/** One that says that it is the last. */
function closing(hand: Hand): Shot {
  const made = draft(hand, 'Connection: close')
  const fields = [...usualFields(hand, made.source), CLOSE]
  return compose(hand, { ...made, fields }, { after: 'closes' })
}

const CLOSE: Field = { name: 'Connection', value: 'close', passes: false }

/** HTTP/1.0 knows no chunks, and keeps no connection. */
function old(hand: Hand): Shot {
  const { random } = hand
  const wish = random.pick(['plain', 'chunked', 'close', 'big'])
  const made = draft(hand, 'HTTP/1.0', { wish, version: '1.0' })
  const method = made.method === 'HEAD' ? 'GET' : made.method
  return compose(hand, { ...made, method }, { after: 'closes' })
}

const UPGRADE: readonly Field[] = [
  { name: 'Connection', value: 'Upgrade', passes: false },
  { name: 'Upgrade', value: 'websocket', passes: false },
  { name: 'Sec-WebSocket-Version', value: '13', passes: true },
  { name: 'Sec-WebSocket-Key', value: 'dGhlIHNhbXBsZSBub25jZQ==', passes: true },
]

export function webSocketDraft(hand: Hand, kind: string, more: readonly Field[] = []): Draft {
  const given = { method: 'GET', wish: 'websocket', upgrade: true } as const
  const made = allowedDraft(hand, kind, given)
  const fields = distinct([...UPGRADE, ...more, ...usualFields(hand, made.source)])
  return { ...made, fields }
}

/** Messages that must come back; the first may be sent with the request. */
export function openTunnel(hand: Hand, made: Draft): Shot {
  const { random, bytes } = hand
  const opened = compose(hand, made)
  if (opened.expect.kind !== 'served') throw new Error(`${made.kind} is not allowed`)
  const { arrival } = opened.expect
  const messages = Array.from({ length: 1 + random.below(4) }, () => {
    const at = random.below(bytes.length - 20_000)
    return bytes.subarray(at, at + 1 + random.below(random.pick([50, 20_000])))
  })
  return {
    ...opened,
    expect: { kind: 'tunnel', arrival, messages },
    after: random.pick(['leave', 'closes']),
  }
}

function webSocket(hand: Hand): Shot {
  const made = webSocketDraft(hand, 'WebSocket')
  return openTunnel(hand, made)
}
