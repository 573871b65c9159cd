import { compose, refused } from '../compose.ts'
import { allowedDraft, type Draft, draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import type { Shot } from '../shot.ts'
import { SOURCES } from '../sources.ts'

/** Paths that two programs could read in two ways, and ones that only look like a route. */

const AMBIGUOUS = [
  '/open/../admin',
  '/open/%2e%2e/admin',
  '/open/.%2E/admin',
  '/open/./admin',
  '/open/..',
  '//admin',
  '/open//admin',
  '/open/..;/admin',
  '/open/a;b',
  '/open/a%3Bb',
  '/open/%2Fadmin',
  '/open/..%2Fadmin',
  '/open/..%5cadmin',
  '/open\\..\\admin',
  '/open/%00',
  '/open/%0d%0aX-Dataporten-Userid:%20a',
  '/open/%7f',
  '/open/%zz',
  '/open/%',
  '/open/%252e%252e/admin',
  '/open/%252Fadmin',
  '/open/%25252e',
  '/open/%c0%ae%c0%ae/admin',
  '/open/%E0%80%AF',
  '/open/<script>',
  '/open/"a"',
  '/open/a^b',
  '/open/a`b',
  '/open/{id}',
  '/open/a|b',
  '/open/a#b',
]

export function ambiguous(hand: Hand): Shot {
  const path = hand.random.pick(AMBIGUOUS)
  const made = draft(hand, 'ambiguous paths', { path: { sent: path, arrives: path } })
  return refused(hand, { ...made, method: 'GET' }, { codes: ['path_ambiguous'] })
}

/** The parser itself refuses these, and the connection with them. */
export function impossible(hand: Hand): Shot {
  const path = hand.random.pick([
    'http://grades.test/open/a',
    '/open/\xe6',
    '/open/a\x01',
    'open/a',
    '*',
  ])
  const made = draft(hand, 'impossible targets', {
    path: { sent: path, arrives: path },
    hasId: false,
  })
  const codes = ['path_ambiguous', 'request_malformed']
  return refused(hand, { ...made, method: 'GET' }, { codes }, { after: 'leave' })
}

const [GRADES] = SOURCES
const onGrades = (hand: Hand, kind: string, pattern: string, path: string): Draft => {
  const route = GRADES?.routes.find(one => one.pattern === pattern)
  if (GRADES === undefined || route === undefined) throw new Error(`no route ${pattern}`)
  return draft(hand, kind, {
    source: GRADES,
    route,
    path: { sent: path, arrives: path },
    method: 'GET',
  })
}

const LOOKALIKES = [
  '/administrator',
  '/adminx/',
  '/ADMIN',
  '/Admin/a',
  '/batch/',
  '/courses/',
  '/%C3%A6dmin',
]

export function lookalike(hand: Hand): Shot {
  const made = onGrades(hand, 'lookalike paths', '/admin/**', hand.random.pick(LOOKALIKES))
  return refused(hand, made, { codes: ['route_unknown'] })
}

/** Encoded letters are what they stand for: the route that is decided on is the one that is sent. */
export function encoded(hand: Hand): Shot {
  const made = onGrades(hand, 'encoded paths', '/admin/**', '/admin/a')
  const sent = hand.random.pick(['/%61dmin/a', '/admi%6E/%61', '/%61%64%6d%69%6e/a'])
  return compose(hand, { ...made, path: { sent, arrives: '/admin/a' } })
}

/** Methods that are never passed on. */
export function forbidden(hand: Hand): Shot {
  const made = draft(hand, 'TRACE and CONNECT', { hasId: false })
  const method = hand.random.pick(['TRACE', 'CONNECT'])
  const path = method === 'CONNECT' ? 'grades.test:443' : made.path.sent
  const at = { sent: path, arrives: path }
  return refused(
    hand,
    { ...made, method, path: at },
    { codes: ['method_not_allowed'] },
    { after: 'leave' },
  )
}

const HOSTS = [
  '',
  'grades.test\r\nHost: library.test',
  'grades.test\r\nHost: grades.test',
  'grades.test, library.test',
  'grades.test%00',
  'user@grades.test',
  'grades.test:http',
  'grades.test:65536',
  'grades.test/open',
  'grades test',
  'h'.repeat(256),
]

export function badHost(hand: Hand): Shot {
  const host = hand.random.pick(HOSTS)
  const made = allowedDraft(hand, 'bad hosts', { host, hasId: false })
  return refused(hand, made, { codes: ['request_malformed'] }, { after: 'closes' })
}
