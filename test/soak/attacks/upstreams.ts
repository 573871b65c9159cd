import { compose, witnessed } from '../compose.ts'
import { allowedDraft, draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import type { Field, Shot } from '../shot.ts'
import { usualFields } from '../traffic/fields.ts'

/** Upstreams that break, and upgrades to what the gateway does not speak. */

export function unanswered(hand: Hand): Shot {
  const wish = hand.random.pick(['reset', 'garbage', 'status099', 'unasked101'])
  const method = hand.random.pick(['GET', 'POST'])
  const made = allowedDraft(hand, 'upstreams that give no answer', { method, wish, hasId: false })
  const expect = { kind: 'refused', codes: ['upstream_unavailable'] } as const
  return witnessed(hand, made, 'x', expect, { after: 'leave' })
}

/** Half an answer must not look like a whole one. */
export function halfAnswered(hand: Hand): Shot {
  const wish = hand.random.pick(['half', 'halfChunked'])
  const made = allowedDraft(hand, 'upstreams that give half an answer', { method: 'GET', wish })
  return witnessed(hand, made, 'x', { kind: 'broken' }, { after: 'leave' })
}

/** Dropped, and the request handled as a plain one. */
export function otherUpgrade(hand: Hand): Shot {
  const { random } = hand
  const made = draft(hand, 'other upgrades')
  const upgrade = random.pick(['h2c', 'TLS/1.0', 'websocket, h2c', 'foo'])
  const fields: Field[] = [
    ...usualFields(hand, made.source),
    { name: 'Connection', value: 'Upgrade, HTTP2-Settings', passes: false },
    { name: 'Upgrade', value: upgrade, passes: false },
    { name: 'HTTP2-Settings', value: 'AAMAAABkAARAAAAAAAIAAAAA', passes: false },
  ]
  return compose(hand, { ...made, fields }, { after: 'leave' })
}

/** A WebSocket has no body: what asks for both is a plain request with one. */
export function upgradeWithBody(hand: Hand): Shot {
  const { random, bytes } = hand
  const framing = random.pick(['length', 'chunked'] as const)
  const body = { bytes: bytes.subarray(0, 1 + random.below(500)), framing }
  const made = allowedDraft(hand, 'upgrades with a body', {
    method: 'GET',
    wish: 'websocket',
    body,
  })
  const fields: Field[] = [
    { name: 'Connection', value: 'upgrade', passes: false },
    { name: 'Upgrade', value: 'websocket', passes: false },
    { name: 'Sec-WebSocket-Version', value: '13', passes: true },
  ]
  return compose(hand, { ...made, fields }, { after: 'leave' })
}
