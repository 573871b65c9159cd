import { compose, refused } from '../compose.ts'
import { allowedDraft, draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import type { Shot } from '../shot.ts'
import { webSocketDraft } from '../traffic/alone.ts'

/** Tokens that are bad, and good ones that are not presented as they should be. */

export function bad(hand: Hand): Shot {
  const { random } = hand
  const made = draft(hand, 'bad tokens')
  const bearer = random.pick(hand.bad[made.source.id] ?? [])
  const kind = `bad tokens: ${'code' in bearer ? bearer.code : ''}`
  return compose(hand, { ...made, kind, bearer })
}

/** The signature of a good token under the claims of another, once that one has been seen. */
export function related(hand: Hand): Shot {
  const { random } = hand
  const made = draft(hand, 'bad tokens')
  const all = hand.bad[made.source.id] ?? []
  const bearer = random.pick(all.filter(one => 'code' in one && one.code === 'token_signature'))
  return compose(hand, { ...made, kind: 'bad tokens: token_signature', bearer })
}

export function badUpgrade(hand: Hand): Shot {
  const made = webSocketDraft(hand, 'WebSockets with a bad token')
  const bearer = hand.random.pick(hand.bad[made.source.id] ?? [])
  return compose(hand, { ...made, bearer }, { after: 'leave' })
}

/** A good one, that must be taken however the scheme is written. */
export function oddScheme(hand: Hand): Shot {
  const { random } = hand
  const scheme = random.pick(['bearer', 'BEARER', 'bEaReR'])
  const made = allowedDraft(hand, 'schemes in any case', { method: 'GET' })
  const text = made.bearer?.text
  if (text === undefined) return compose(hand, made)
  return compose(hand, { ...made, authorization: `${scheme} ${text}` })
}

/** A token in the wrong place, or two. */
export function misplaced(hand: Hand): Shot {
  const { random } = hand
  const made = allowedDraft(hand, 'misplaced tokens', { method: 'GET', hasId: false })
  const token = hand.tokens.good[made.source.id]?.[0]
  const text = token?.text ?? ''
  const [query, authorization] = random.pick([
    [`&access_token=${text}`, `Bearer ${text}`],
    ['', `Bearer ${text.slice(0, 40)} ${text.slice(40)}`],
    ['', `Bearer ${text}\r\nAuthorization: Bearer ${text}`],
    ['', `Bearer ${text}\r\nauthorization: Basic YTpi`],
  ] as const)
  return refused(
    hand,
    { ...made, query, authorization },
    { codes: ['request_malformed'] },
    { after: 'closes' },
  )
}

/** What is no bearer token is none. */
export function absent(hand: Hand): Shot {
  const { random } = hand
  const authorization = random.pick([
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Token x',
    'Bearerx',
    'Negotiate a',
  ])
  const made = draft(hand, 'no bearer tokens', { bearer: undefined })
  return compose(hand, { ...made, authorization })
}
