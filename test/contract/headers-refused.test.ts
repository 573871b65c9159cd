import { describe, expect, test } from 'vitest'
import { CLIENT_ID, USER_ID } from '../support/issuer.ts'
import type { HeaderList, RequestParts } from '../support/raw.ts'
import { headerOf, reply, type UpstreamRequest } from '../support/upstream.ts'
import { headerStage } from './headers-stage.ts'
import { identityOf } from './stage.ts'

const on = headerStage()

const NAMES = [
  'X-Dataporten-Userid',
  'X-Dataporten-Userid-Sec',
  'X-Dataporten-Scopes',
  'X-Dataporten-Clientid',
  'X-Dataporten-Gatekeeper',
  'X-Dataporten-Token',
  'X-Dataporten-Acr',
  'X-Dataporten-Anything',
  'X-Dataporten-',
  'X-FeideConnect-Userid',
  'X-FeideConnect-Gatekeeper',
  'X-Feide-Userid',
  'X-Feide-',
  'X-User-Name',
  'X-Other-Name',
  'X-Remote-User',
  'Remote-User',
]
/** Every character that a field name may have besides letters, digits and `-`. */
const MARKS = [..."_.!#$%&'*+^`|~"]
const FOLDINGS: [string, (name: string) => string][] = [
  ['as they are', name => name],
  ['in lower case', name => name.toLowerCase()],
  ['in upper case', name => name.toUpperCase()],
  [
    'in mixed case',
    name => name.replace(/[a-z]/gi, (c, at) => (at % 2 ? c.toUpperCase() : c.toLowerCase())),
  ],
  ['with the first dash folded', name => name.replace('-', '_')],
  ['with the last dash folded', name => name.replace(/-([^-]*)$/, '_$1')],
  ...MARKS.map((mark): [string, (name: string) => string] => [
    `with ${mark} for every dash`,
    name => name.replaceAll('-', mark),
  ]),
]

const FORGED = 'forged'
const forge = (fold: (name: string) => string): HeaderList =>
  NAMES.map(name => [fold(name), FORGED])
const forgedIn = (seen: UpstreamRequest) => seen.headers.filter(([, value]) => value === FORGED)

const USER: HeaderList = [
  ['X-Dataporten-clientid', CLIENT_ID],
  ['X-Dataporten-gatekeeper', 'grades'],
  ['X-Dataporten-scopes', 'append,read'],
  ['X-Dataporten-userid', USER_ID],
  ['X-Dataporten-userid-sec', 'feide:asbjorn@example.no'],
]
const NOBODY: HeaderList = [['X-Dataporten-gatekeeper', 'grades']]
const SYSTEM = USER.slice(0, 3)

const PREFLIGHT: HeaderList = [
  ['Origin', 'https://app.example.no'],
  ['Access-Control-Request-Method', 'GET'],
]
const WEBSOCKET: HeaderList = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]

type Situation = { readonly parts: RequestParts; readonly identity: HeaderList }
const SITUATIONS: [string, () => Situation][] = [
  [
    'a guarded route',
    () => ({ parts: { target: '/courses', token: on.issuer.token() }, identity: USER }),
  ],
  [
    'a system on a guarded route',
    () => ({
      parts: { target: '/courses', token: on.issuer.systemToken() },
      identity: SYSTEM,
    }),
  ],
  ['a public route without a token', () => ({ parts: { target: '/health' }, identity: NOBODY })],
  [
    'a public route with a token',
    () => ({ parts: { target: '/health', token: on.issuer.token() }, identity: USER }),
  ],
  [
    'a preflight',
    () => ({
      parts: { method: 'OPTIONS', target: '/courses', headers: PREFLIGHT },
      identity: NOBODY,
    }),
  ],
  [
    'an upgrade',
    () => ({
      parts: { target: '/courses', headers: WEBSOCKET, token: on.issuer.token() },
      identity: USER,
    }),
  ],
  [
    'an upgrade on a public route',
    () => ({ parts: { target: '/health', headers: WEBSOCKET }, identity: NOBODY }),
  ],
  [
    'a request with Expect: 100-continue',
    () => ({
      parts: {
        method: 'POST',
        target: '/courses',
        headers: [
          ['Expect', '100-continue'],
          ['Content-Length', '2'],
        ],
        body: 'ok',
        token: on.issuer.token(),
      },
      identity: USER,
    }),
  ],
]
const acceptUpgrade = (request: UpstreamRequest) =>
  headerOf(request, 'upgrade').length === 0
    ? reply()
    : 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

describe.each(SITUATIONS)('%s takes no identity from the caller', (_, situation) => {
  test.each(FOLDINGS)('%s', async (_folding, fold) => {
    on.upstream.answer = acceptUpgrade
    const { parts, identity } = situation()
    const headers = [...((parts.headers ?? []) as HeaderList), ...forge(fold)]
    const seen = await on.passed({ ...parts, headers })
    expect({ forged: forgedIn(seen), identity: identityOf(seen) }).toEqual({ forged: [], identity })
  })

  test('in many copies', async () => {
    on.upstream.answer = acceptUpgrade
    const { parts, identity } = situation()
    const copies = Array.from({ length: 60 }, (): [string, string] => [NAMES[0] ?? '', FORGED])
    const headers = [...((parts.headers ?? []) as HeaderList), ...copies]
    const seen = await on.passed({ ...parts, headers })
    expect({ forged: forgedIn(seen), identity: identityOf(seen) }).toEqual({ forged: [], identity })
  })
})
