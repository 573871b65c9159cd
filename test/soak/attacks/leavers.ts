import { compose, shot, witnessed } from '../compose.ts'
import { allowedDraft, type Draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import type { Piece, Shot } from '../shot.ts'
import { webSocketDraft } from '../traffic/alone.ts'

/** Callers that leave in the middle, and callers that never get done. */

const SHARES = [0.1, 0.5, 0.9]

/** What a request leaves out at its end. */
const cut = (share: number) => (bytes: Buffer) => [
  bytes.subarray(0, Math.floor(bytes.length * share)),
]

export function halfHead(hand: Hand): Shot {
  const { random } = hand
  const made = allowedDraft(hand, 'half a head', { method: 'GET' })
  const after = random.pick(['reset', 'end'] as const)
  const split = cut(random.pick(SHARES))
  return shot(hand, made, hand.number('r'), { kind: 'nothing' }, { split, after })
}

/** A request with a body that is longer than what comes of it. */
function halfBodied(hand: Hand, kind: string): { made: Draft; split: (bytes: Buffer) => Piece[] } {
  const { random } = hand
  const made = allowedDraft(hand, kind, { method: random.pick(['POST', 'PUT']) })
  const bytes = hand.bytes.subarray(0, 500 + random.below(20_000))
  const body = { bytes, framing: random.pick(['length', 'chunked'] as const) }
  // So little that the head is whole.
  const missing = 1 + random.below(400)
  const split = (bytes: Buffer) => [bytes.subarray(0, bytes.length - missing)]
  return { made: { ...made, body }, split }
}

export function halfBody(hand: Hand): Shot {
  const { made, split } = halfBodied(hand, 'half a body')
  const after = hand.random.pick(['reset', 'end'] as const)
  const slow = (bytes: Buffer) => [...split(bytes), hand.random.below(5)]
  return witnessed(hand, made, 'e', { kind: 'nothing' }, { split: slow, after })
}

/** One whose upstream never answers: nothing of it must be left when its caller has gone. */
export function gone(hand: Hand): Shot {
  const { random } = hand
  const wish = random.pick(['hold', 'hold', 'later', 'slow', 'big', 'chunked'])
  const made = allowedDraft(hand, 'callers that have gone', { wish, method: 'GET' })
  const split = (bytes: Buffer) => [bytes, random.below(12)]
  return witnessed(hand, made, 'e', { kind: 'anything' }, { split, after: 'reset' })
}

/** The same, of one that asked for a WebSocket and was never told. */
export function goneUpgrade(hand: Hand): Shot {
  const made = { ...webSocketDraft(hand, 'callers that have gone'), wish: 'hold' }
  const split = (bytes: Buffer) => [bytes, hand.random.below(12)]
  return witnessed(hand, made, 'e', { kind: 'anything' }, { split, after: 'reset' })
}

/** One that comes in small pieces, but comes. */
export function dribbled(hand: Hand): Shot {
  const { random } = hand
  const made = allowedDraft(hand, 'slow heads', { method: 'GET', hasId: true })
  const split = (bytes: Buffer) => {
    const size = Math.ceil(bytes.length / (2 + random.below(8)))
    const pieces: Piece[] = []
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size), 2)
    return pieces
  }
  return compose(hand, made, { split })
}

export function stalledHead(hand: Hand): Shot {
  const made = allowedDraft(hand, 'stalled heads', { method: 'GET', hasId: false })
  const expect = { kind: 'refused', codes: ['request_timeout'] } as const
  return shot(hand, made, hand.number('r'), expect, { split: cut(0.6), after: 'closes' })
}

export function stalledBody(hand: Hand): Shot {
  const { made, split } = halfBodied(hand, 'stalled bodies')
  const expect = { kind: 'refused', codes: ['request_timeout'] } as const
  return witnessed(hand, made, 'e', expect, { split, after: 'closes' })
}
