import { compose, inChunks, refused, witnessed } from '../compose.ts'
import { allowedDraft, draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import type { Field, Shot } from '../shot.ts'
import { SOURCES } from '../sources.ts'

/** Too much of something. What becomes of the connection behind it is nobody's promise. */

const MOST_FIELDS = 100
const many = (count: number): Field[] =>
  Array.from({ length: count }, (_, i) => ({ name: `A${i}`, value: 'v', passes: true }))

export function manyFields(hand: Hand): Shot {
  const { random } = hand
  const made = draft(hand, 'too many fields')
  const fields = many(MOST_FIELDS + random.below(random.chance(0.2) ? 2_000 : 30))
  return refused(hand, { ...made, fields }, { codes: ['headers_too_many'] }, { after: 'leave' })
}

/** As many as there may be: the injected ones must still arrive. */
export function mostFields(hand: Hand): Shot {
  const made = allowedDraft(hand, 'as many fields as may be', { method: 'GET', hasId: true })
  const own = made.bearer === undefined ? 2 : 3
  return compose(hand, { ...made, fields: many(MOST_FIELDS - own) })
}

/** Of what is larger than the parser's own room, all that is sure is that it is refused. */
const HUGE_SHARE = 0.2
const HUGE = ['target_too_long', 'headers_too_large']

export function largeFields(hand: Hand): Shot {
  const { random } = hand
  const made = draft(hand, 'too large fields', { hasId: false })
  const isHuge = random.chance(HUGE_SHARE)
  const value = 'v'.repeat(33_000 + random.below(isHuge ? 300_000 : 2_000))
  const fields = [{ name: 'X-Large', value, passes: true }]
  const codes = isHuge ? HUGE : ['headers_too_large']
  return refused(hand, { ...made, fields }, { codes }, { after: 'leave' })
}

export function longTarget(hand: Hand): Shot {
  const { random } = hand
  const made = draft(hand, 'too long targets', { hasId: false })
  const isHuge = random.chance(HUGE_SHARE)
  const query = `&q=${'q'.repeat(16_400 + random.below(isHuge ? 200_000 : 2_000))}`
  const codes = isHuge ? HUGE : ['target_too_long']
  return refused(hand, { ...made, query }, { codes }, { after: 'leave' })
}

const TOO_LARGE = { codes: ['body_too_large'] } as const

/** Said to be too large, and refused on its word; some of it is sent all the same. */
export function declared(hand: Hand): Shot {
  const { random, bytes } = hand
  const made = allowedDraft(hand, 'too large bodies, declared', { method: 'POST' })
  const size = made.source.maxBody + 1 + random.below(1e6)
  const raw = {
    fields: `Content-Length: ${size}\r\n`,
    body: bytes.subarray(0, random.below(9_000)),
  }
  return refused(hand, made, TOO_LARGE, { raw, after: 'leave' })
}

/** Found to be too large on the way. */
export function streamed(hand: Hand): Shot {
  const bytes = hand.bytes.subarray(0, 80_000)
  const source = SOURCES.find(({ maxBody }) => maxBody < bytes.length)
  if (source === undefined) throw new Error('no data source takes so little')
  const body = { bytes, framing: 'chunked' } as const
  const given = { source, method: 'POST', body }
  const made = allowedDraft(hand, 'too large bodies, streamed', given)
  const raw = { fields: 'Transfer-Encoding: chunked\r\n', body: inChunks(bytes, 8_000) }
  const expect = { kind: 'refused', realm: source.id, ...TOO_LARGE } as const
  return witnessed(hand, made, 'e', expect, { raw, after: 'leave' })
}
