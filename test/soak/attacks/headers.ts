import { compose, inChunks } from '../compose.ts'
import { allowedDraft, draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import type { Field, Shot } from '../shot.ts'
import { openTunnel, webSocketDraft } from '../traffic/alone.ts'
import { usualFields } from '../traffic/fields.ts'

/** Forged identities, in all spellings, wherever a caller can put them. */

const IDENTITY = [
  'X-Dataporten-Userid',
  'X-Dataporten-Userid-Sec',
  'X-Dataporten-Clientid',
  'X-Dataporten-Scopes',
  'X-Dataporten-Gatekeeper',
  'X-Dataporten-Token',
  'X-Dataporten-Acr',
  'X-Dataporten-',
  'X-FeideConnect-Userid',
  'X-FeideConnect-Scopes',
  'X-Feide-Userid',
  // What the data sources inject, each for all of them, and what one strips.
  'X-User-Name',
  'X-Role',
  'X-Groups',
  'X-User-Id',
  'X-Client',
  'X-Remote-User',
]

const NEVER_TAKEN = [
  'X-HTTP-Method-Override',
  'X-HTTP-Method',
  'X-Method-Override',
  'Forwarded',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Forwarded-User',
  'X-Real-IP',
  'Proxy-Authorization',
  'Proxy',
  'HTTP2-Settings',
  'Keep-Alive',
]

type Spelling = (text: string, hand: Hand) => string

const CASES: readonly Spelling[] = [
  text => text,
  text => text.toLowerCase(),
  text => text.toUpperCase(),
  (text, { random }) =>
    [...text].map(char => (random.chance(0.5) ? char.toLowerCase() : char.toUpperCase())).join(''),
]

/** What stands between the words: all of these are one to some servers. */
const JOINTS: readonly Spelling[] = [
  text => text,
  text => text.replaceAll('-', '_'),
  text => text.replace('-', '_'),
  text => text.replace(/-(?=[^-]*$)/, '_'),
  text => text.replaceAll('-', '.'),
  (text, { random }) => text.replaceAll('-', () => random.pick([..."-_.!#$%&'*+^`|~"])),
]

const VALUES = [
  '76a7a061-3c55-430d-8ee0-6f82ec42501f',
  'admin',
  'feide:admin@uninett.no',
  '',
  'DELETE',
]

/** So many that few names are left out, and the limit on their number is not reached. */
function forgedFields(hand: Hand): Field[] {
  const { random } = hand
  return Array.from({ length: 4 + random.below(16) }, () => {
    const name = random.pick(random.chance(0.85) ? IDENTITY : NEVER_TAKEN)
    const spelt = random.pick(CASES)(random.pick(JOINTS)(name, hand), hand)
    return { name: spelt, value: random.pick(VALUES), passes: false }
  })
}

const mixed = ({ random }: Hand, fields: readonly Field[]): Field[] =>
  [...fields].sort(() => random.next() - 0.5)

export function forged(hand: Hand): Shot {
  const made = draft(hand, 'forged headers')
  const fields = mixed(hand, forgedFields(hand))
  return compose(hand, { ...made, fields: [...usualFields(hand, made.source), ...fields] })
}

/** On a route that asks for no token, beside credentials of another kind. */
export function forgedByNobody(hand: Hand): Shot {
  const method = hand.random.pick(['GET', 'POST'])
  const made = allowedDraft(hand, 'forged headers without a token', { bearer: undefined, method })
  const authorization = 'Basic ZGF0YXBvcnRlbjp4'
  return compose(hand, { ...made, authorization, fields: forgedFields(hand) })
}

export function forgedPreflight(hand: Hand): Shot {
  const made = draft(hand, 'forged headers on a preflight')
  const asked = (name: string, value: string): Field => ({ name, value, passes: true })
  const fields = [
    ...forgedFields(hand),
    asked('Origin', 'https://evil.example'),
    asked('Access-Control-Request-Method', 'POST'),
  ]
  return compose(hand, { ...made, method: 'OPTIONS', fields, preflight: true })
}

export function forgedUpgrade(hand: Hand): Shot {
  const made = webSocketDraft(hand, 'forged headers on a WebSocket', forgedFields(hand))
  return openTunnel(hand, made)
}

/** Names that `Connection` makes headers of this hop alone: not those that the gateway adds. */
export function nominated(hand: Hand): Shot {
  const { random } = hand
  const made = draft(hand, 'nominated headers')
  const names = Array.from({ length: 1 + random.below(4) }, () => random.pick(IDENTITY))
  const own = 'Authorization, Host, Content-Length, X-Forwarded-For, X-Request-Id'
  const value = [...names, random.pick(['X-Mine', own, 'x-mine , ,', 'Content-Type'])].join(', ')
  const isMine = /x-mine/i.test(value)
  const fields: Field[] = [
    { name: 'X-Mine', value: 'for this hop', passes: !isMine },
    { name: random.pick(['Connection', 'connection']), value, passes: false },
    { name: 'Content-Type', value: 'text/plain', passes: true },
    ...forgedFields(hand),
  ]
  return compose(hand, { ...made, fields: mixed(hand, fields) })
}

export function forgedTrailers(hand: Hand): Shot {
  const { random, bytes } = hand
  const made = draft(hand, 'forged trailers', { method: 'POST' })
  const body = bytes.subarray(0, random.below(2_000))
  const [forgedField] = forgedFields(hand)
  const trailer = `${forgedField?.name}: ${forgedField?.value}\r\nX-Other: 1\r\n`
  const framed = inChunks(body, 700)
  const raw = {
    fields: 'Transfer-Encoding: chunked\r\nTrailer: X-Dataporten-Userid\r\n',
    body: Buffer.concat([framed.subarray(0, -2), Buffer.from(`${trailer}\r\n`)]),
  }
  return compose(hand, { ...made, body: { bytes: body, framing: 'chunked' } }, { raw })
}
