import { compose, type Manner, refused } from '../compose.ts'
import { allowedDraft, type Draft, draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import { type Weighted, weighted } from '../random.ts'
import type { Body, Field, Shot } from '../shot.ts'
import { SOURCES } from '../sources.ts'
import { usualFields } from './fields.ts'

/** Requests as honest callers make them, some of which are refused. */

const WISHES: Weighted<string> = [
  [70, 'plain'],
  [6, 'chunked'],
  [3, 'close'],
  [3, 'later'],
  [2, 'slow'],
  [2, 'hints'],
  [2, 'created'],
  [2, 'missing'],
  [1, 'failed'],
  [1, 'unusual'],
  [2, 'empty'],
  [2, 'unchanged'],
  [1, 'big'],
  [3, 'hop'],
]

const WITH_BODY: Readonly<Record<string, number>> = {
  POST: 0.95,
  PUT: 0.95,
  PATCH: 0.95,
  DELETE: 0.3,
  GET: 0.02,
  OPTIONS: 0.1,
}

export function request(hand: Hand): Shot {
  const { random } = hand
  const made = draft(hand, 'request')
  const { method } = made
  const wish = method === 'HEAD' ? 'plain' : weighted(random, WISHES)
  const body = random.chance(WITH_BODY[method] ?? 0) ? pickBody(hand, made) : undefined
  const kind = body === undefined ? method : `${method} with a body, ${body.framing}`
  const fields = usualFields(hand, made.source)
  return compose(hand, { ...made, kind, wish, fields, ...(body && { body }) }, pickManner(hand))
}

/** Most come in one piece. */
function pickManner({ random }: Hand): Manner {
  if (random.chance(0.97)) return {}
  const share = random.next()
  const split = (bytes: Buffer) => {
    const at = Math.floor(bytes.length * share)
    return [bytes.subarray(0, at), 1, bytes.subarray(at)]
  }
  return { split }
}

export function pickBody({ random, bytes }: Hand, { source }: Draft): Body {
  const largest = weighted(random, [
    [60, 300],
    [25, 4_000],
    [15, Math.min(60_000, source.maxBody)],
  ])
  const size = random.below(largest)
  const at = random.below(bytes.length - size)
  const framing = random.chance(0.5) ? 'length' : 'chunked'
  return { bytes: bytes.subarray(at, at + size), framing }
}

export function preflight(hand: Hand): Shot {
  const asked: Field[] = ['Origin', 'Access-Control-Request-Method'].map((name, i) => ({
    name,
    value: ['https://app.example.no', 'GET'][i] ?? '',
    passes: true,
  }))
  const made = draft(hand, 'preflight')
  const fields = [...usualFields(hand, made.source), ...asked]
  return compose(hand, { ...made, method: 'OPTIONS', fields, preflight: true })
}

/** One that has to wait before it may send its body. */
export function expecting(hand: Hand): Shot {
  const made = allowedDraft(hand, 'Expect: 100-continue', { method: 'POST' })
  const expect = { name: 'Expect', value: '100-continue', passes: false }
  const fields = [...usualFields(hand, made.source), expect]
  const bytes = hand.bytes.subarray(0, 1 + hand.random.below(5_000))
  const body = { bytes, framing: 'length' } as const
  return compose(hand, { ...made, fields, body }, { interim: [100] })
}

const NOWHERE = [
  '/',
  '/nothing',
  '/coursesx',
  '/Courses',
  '/courses/1/2',
  '/item',
  '/openx',
  '/me/',
]

export function lost(hand: Hand): Shot {
  const path = hand.random.pick(NOWHERE)
  const made = draft(hand, 'no such route', { path: { sent: path, arrives: path }, method: 'GET' })
  const fields = usualFields(hand, made.source)
  return refused(hand, { ...made, fields }, { codes: ['route_unknown'] })
}

export function wrongMethod(hand: Hand): Shot {
  const [source] = SOURCES
  const route = source?.routes.find(({ pattern }) => pattern === '/courses')
  if (source === undefined || route === undefined) throw new Error('no such route')
  const made = draft(hand, 'no such method', { source, route })
  return refused(hand, { ...made, method: 'DELETE' }, { codes: ['method_not_allowed'] })
}

/** What a data source says of itself. */
export function metadata(hand: Hand): Shot {
  const made = draft(hand, 'resource metadata')
  const { host, source } = made
  const number = hand.number('r')
  const line = `GET /.well-known/oauth-protected-resource?n=${number} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  return {
    kind: made.kind,
    number,
    method: 'GET',
    pieces: [Buffer.from(line)],
    expect: { kind: 'metadata', host, audience: source.audience },
    after: 'keep',
  }
}
