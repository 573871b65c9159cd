// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the policy file
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Env, printed } from './support.ts'

const SECRET = 'hunter2/&%-geheim'

const policy = (upstream: string, before = '') => `${before}issuer: { url: https://a.no }
dataSources:
  grades:
    audience: grades
    upstream: ${upstream}
    routes: { GET /a: public }
`
const withCredentials = (text: string) => policy(`{ url: http://legacy, credentials: ${text} }`)
const withRedis = (text: string) => policy('http://legacy', `redis: ${text}\n`)

describe('a secret is never shown in a fault', () => {
  test.for<readonly [string, string, Env?]>([
    ['a password', withCredentials(`{ basic: { username: a, password: "${SECRET}\\n" } }`)],
    [
      'a password from the environment',
      withCredentials('{ basic: { username: a, password: "${P}" } }'),
      { P: `${SECRET}\n` },
    ],
    [
      'a password that is a default',
      withCredentials(`{ basic: { username: a, password: "\${P:-${SECRET}\\n}" } }`),
    ],
    [
      'a password with a variable in it',
      withCredentials(`{ basic: { username: a, password: "${SECRET}\${P}" } }`),
      { P: '\n' },
    ],
    [
      'a password with a variable that is missing',
      withCredentials(`{ basic: { username: a, password: "${SECRET}\${P}" } }`),
    ],
    [
      'a password beside a wrong user name',
      withCredentials(`{ basic: { username: "a:b", password: "${SECRET}" } }`),
    ],
    [
      'a password in a map that is unknown',
      withCredentials(`{ bassic: { username: a, password: "${SECRET}" } }`),
    ],
    ['a password in the place of a map', withCredentials(`{ basic: "dataporten:${SECRET}" }`)],
    ['a password in the place of all credentials', withCredentials(`"${SECRET}"`)],
    ['a password in a list', withCredentials(`{ basic: [dataporten, "${SECRET}"] }`)],
    ['a bearer', withCredentials(`{ bearer: "${SECRET}\\n" }`)],
    ['a bearer from the environment', withCredentials('{ bearer: "${B}" }'), { B: `${SECRET}\n` }],
    ['a bearer that is no text', withCredentials('{ bearer: [hunter2] }')],
    ['a secret of Redis', withRedis(`{ url: redis://r, secret: ["${SECRET}"] }`)],
    ['a password in the URL of Redis', withRedis(`{ url: "redis://:${SECRET}@my redis" }`)],
    [
      'a password in the URL of Redis, with another scheme',
      withRedis(`{ url: "http://:${SECRET}@redis" }`),
    ],
    [
      'a password in the URL of Redis, from the environment',
      withRedis('{ url: "${R}" }'),
      { R: `http://:${SECRET}@redis` },
    ],
    ['a password in the URL of an upstream', policy(`"http://dataporten:${SECRET}@legacy"`)],
    ['a password in a URL with a scheme of its own', policy(`"ftp://dataporten:${SECRET}@legacy"`)],
    [
      'a password in one URL of several',
      policy(`{ urls: ["http://dataporten:${SECRET}@legacy"] }`),
    ],
    ['a password with an @ in a URL', policy('"http://dataporten:x@hunter2@legacy"')],
    ['a password in a URL with spaces', policy(`"http://dataporten:my ${SECRET}@legacy"`)],
    [
      'a secret where a number is wanted',
      policy('http://legacy', 'workers: ${W}\n'),
      { W: SECRET },
    ],
  ])('%s', ([, text, env]) => {
    const { status, lines } = printed(text, env)
    expect({ status, isSaid: lines.length > 0 }).toEqual({ status: 1, isSaid: true })
    expect(lines.join('\n')).not.toMatch(/hunter2|geheim/)
  })
})

const FULL = `listen: 127.0.0.1:8080
tls: { cert: hunter2, key: "hunter2" }
issuer: { url: https://a.no }
redis:
  url: "redis://:hunter2@r"
  secret: hunter2
dataSources:
  grades:
    audience: grades
    upstream:
      url: http://legacy
      credentials: { basic: { username: dataporten, password: "hunter2" } }
    headers:
      token: { clientId: a, clientSecret: hunter2, scope: groups }
      inject: { X-Name: { claim: name } }
    exchange:
      clientId: b
      clientSecret: 'hunter2'
    routes:
      GET /courses: { scopes: [read] }
      GET /courses/{id}: { scopes: { anyOf: [read, [audit, list]] } }
  exams:
    audience: exams
    hosts: [a.no]
    upstream:
      urls: [http://legacy]
      credentials:
        bearer: |
          hunter2
          hunter2
    routes:
      GET /courses: { scopes: [read] }
`

/** What a hand puts in, or leaves out, between any two letters that are not those of a secret. */
const SLIPS = [
  ...[
    '',
    '',
    '',
    ' ',
    '  ',
    '\n',
    '\t',
    ':',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '#',
    '-',
    ',',
    'x',
  ],
  ...['&a ', '*a', '!', '|', '>', '@', '%', '$', '${'],
]
const slip = fc.record({
  at: fc.nat(FULL.length),
  instead: fc.constantFrom(...SLIPS),
  of: fc.nat(2),
})

function withSlips(slips: readonly { at: number; instead: string; of: number }[]): string {
  return slips.reduce((text, { at, instead, of }) => {
    const touches = text.slice(Math.max(0, at - 6), at + of + 6).includes('hunter2')
    const within = text.slice(Math.max(0, at - 6), at + 7).includes('hunter2')
    return touches || within ? text : text.slice(0, at) + instead + text.slice(at + of)
  }, FULL)
}

test('no slip of the hand in a policy makes check show a secret', () => {
  fc.assert(
    fc.property(fc.array(slip, { minLength: 1, maxLength: 3 }), slips => {
      const { lines } = printed(withSlips(slips))
      expect(lines.join('\n')).not.toContain('hunter2')
    }),
    { numRuns: 300 },
  )
})
