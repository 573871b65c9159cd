import { type Hand, pickForeign, pickToken } from './hand.ts'
import { type Bearer, decide, decidePreflight, type Fate, isSure, isToken } from './oracle.ts'
import type { Body, Field } from './shot.ts'
import { type Route, SOURCES, type Source } from './sources.ts'

/** A request in the making. */
export type Draft = {
  readonly kind: string
  readonly source: Source
  readonly route: Route
  readonly method: string
  readonly path: Path
  /** As the caller writes it. */
  readonly host: string
  readonly bearer: Bearer
  /** The value of `Authorization`, where it is not the usual one. */
  readonly authorization?: string
  readonly fields: readonly Field[]
  readonly body?: Body
  /** How the upstream is to answer. */
  readonly wish: string
  /** Further parts of the query, each with its `&`. */
  readonly query: string
  /** Whether the caller says an id of its own. */
  readonly hasId: boolean
  readonly version?: '1.0'
  readonly preflight?: true
  /** It asks for a WebSocket, and gets one. */
  readonly upgrade?: true
}

/** As it is sent, and as it arrives: normalised as RFC 3986 §6.2.2 allows, and no further. */
export type Path = { readonly sent: string; readonly arrives: string }

export function draft(hand: Hand, kind: string, given: Partial<Draft> = {}): Draft {
  const { random } = hand
  const source = given.source ?? random.pick(SOURCES)
  const route = given.route ?? random.pick(routesWith(source, given.method))
  return {
    kind,
    source,
    route,
    method: pickMethod(hand, route),
    path: fillPath(hand, route.pattern),
    host: pickHost(hand, source),
    bearer: pickBearer(hand, source, route),
    fields: [],
    wish: 'plain',
    query: random.pick(QUERIES),
    hasId: random.chance(0.4),
    ...given,
  }
}

/** One that must be allowed. However many are tried, the hand goes on from the same place. */
export function allowedDraft(hand: Hand, kind: string, given: Partial<Draft> = {}): Draft {
  const aside = { ...hand, random: hand.random.fork(hand.random.below(2 ** 31)) }
  for (let tries = 0; tries < 100; tries += 1) {
    const made = draft(aside, kind, given)
    if (fateOf(hand, made).kind === 'allowed') return made
  }
  throw new Error(`nothing that is allowed for ${kind}`)
}

export const fateOf = (hand: Hand, { source, route, bearer, preflight }: Draft): Fate =>
  preflight ? decidePreflight(source) : decide(source, route, bearer, hand.now())

const routesWith = ({ routes }: Source, method: string | undefined): readonly Route[] =>
  method === undefined ? routes : routes.filter(({ methods }) => methods.includes(method))

/** They are passed on byte for byte, and take no part in matching. */
const QUERIES = ['', '', '', '&q=a%20b', '&path=/../admin//;x', '&n', '&%6e=1', "&x='(!*)$,:@?/"]

function pickMethod({ random }: Hand, { methods }: Route): string {
  const method = random.pick(methods)
  return method === 'GET' && random.chance(0.12) ? 'HEAD' : method
}

/** Bearers that make sense, that are for others, and none. */
function pickBearer(hand: Hand, source: Source, route: Route): Bearer {
  const { random, now } = hand
  const token = pickToken(hand, source)
  const foreign = pickForeign(hand, source)
  const dice = random.next()
  if (route.access.kind === 'public' && dice < 0.5) return undefined
  if (dice > 0.99) return undefined
  if (dice > 0.97) return foreign
  return isToken(token) && !isSure(token, now()) ? hand.tokens.good[source.id]?.[0] : token
}

/** The host in any spelling; without one, any that no data source has. */
function pickHost({ random }: Hand, { host }: Source): string {
  const name = host ?? random.pick(['anything.example', '127.0.0.1', '[::1]', 'x'])
  const dice = random.next()
  if (dice < 0.8 || name.startsWith('[')) return name
  if (dice < 0.87) return name.toUpperCase()
  return dice < 0.94 ? `${name}:8080` : `${name}.`
}

const same = (text: string): Path => ({ sent: text, arrives: text })
const SEGMENTS: readonly Path[] = [
  ...[
    '1',
    'INF-1000',
    'a.b',
    '~me',
    "it's(ok)!*",
    'a:b@c,d=e&f+g$',
    '...',
    '.well',
    '%20',
    '%C3%A6',
  ].map(same),
  { sent: '%c3%b8', arrives: '%C3%B8' },
  { sent: '%41%2dz', arrives: 'A-z' },
  { sent: '%7Euser', arrives: '~user' },
]
/** Never one segment alone: that may be another route's. */
const RESTS = ['', '/', '/a/b', '/%E2%82%AC/x/'].map(same)

function fillPath({ random }: Hand, pattern: string): Path {
  let sent = ''
  let arrives = ''
  const add = (part: Path): void => {
    sent += part.sent
    arrives += part.arrives
  }
  for (const part of pattern.split('/').slice(1)) {
    if (part === '**') add(random.pick(RESTS))
    else {
      add(same('/'))
      add(part === '{}' ? random.pick(SEGMENTS) : same(part))
    }
  }
  return { sent, arrives }
}
