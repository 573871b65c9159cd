// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the policy file
import { describe, expect, test } from 'vitest'
import { type Env, printed, yaml } from './support.ts'

/** What `check` prints, without the line that sums up. */
const shown = (text: string, env: Env = {}) => printed(text, env).lines.slice(0, -1)

const policy = (lines: string, before = '') => `${before}issuer: { url: https://a.no }
dataSources:
  grades:
    audience: grades
${lines}`
const ROUTES = '    routes: { GET /a: public }\n'

describe('a fault is shown in its line', () => {
  test('with a mark under a key, and the key that was meant', () => {
    expect(shown(policy(`    upstrem: http://legacy\n${ROUTES}`)).slice(0, 4)).toEqual([
      'policy.yaml:3:3: dataSources.grades.upstream: expected a URL, or a map with `url`, got nothing',
      '   3 |   grades:',
      '     |   ^^^^^^',
      'policy.yaml:5:5: dataSources.grades.upstrem: expected a known key, got "upstrem"',
    ])
    expect(shown(policy(`    upstrem: http://legacy\n${ROUTES}`)).slice(4)).toEqual([
      '   5 |     upstrem: …',
      '     |     ^^^^^^^',
      '     = did you mean `upstream`?',
    ])
  })
  test('with a mark under a value, and the word that was meant', () => {
    const text = policy('    upstream: http://legacy\n    routes: { GET /å: publik }\n')
    expect(shown(text).slice(-4)).toEqual([
      'policy.yaml:6:23: dataSources.grades.routes["GET /å"]: expected { scopes: […] }, `authenticated` or `public`, got "publik"',
      '   6 |     routes: { GET /å: publik }',
      '     |                       ^^^^^^',
      '     = did you mean `public`?',
    ])
  })
  test('with the other place that one has to see', () => {
    const text = policy(
      yaml`
        x
            upstream: http://legacy
            routes:
              GET /a/{x}: public
              GET /a/{y}: public
      `.replace(/^.*\n/, ''),
    )
    expect(shown(text)).toEqual([
      'policy.yaml:8:7: dataSources.grades.routes["GET /a/{y}"]: expected a shape that no other route of the host has for GET, got that of grades "GET /a/{x}"',
      '   8 |       GET /a/{y}: public',
      '     |       ^^^^^^^^^^',
      '   7 |       GET /a/{x}: public',
      '     |       ---------- the other route',
    ])
  })
  test('a key that belongs elsewhere is sent there', () => {
    const text = policy(`    upstream: http://legacy\n    username: a\n${ROUTES}`)
    expect(shown(text)).toContain(
      '     = `username` is a key of dataSources.<name>.upstream.credentials.basic',
    )
  })
  test('a key like no other is told which there are', () => {
    const text = policy(`    upstream: http://legacy\n    paths: { zebra: 1 }\n${ROUTES}`)
    expect(shown(text)).toContain('     = known here: allow, case')
  })
  test('a long line is cut around the mark', () => {
    const many = Array.from({ length: 60 }, (_, i) => `scope${i}`).join(', ')
    const text = policy(
      `    upstream: http://legacy\n    routes: { GET /a: { scopes: [${many}], principle: user } }\n`,
    )
    const [, line = '', mark = ''] = shown(text)
    expect([
      line.length < 125,
      line.slice(0, 8),
      line.slice(mark.indexOf('^')).split(':')[0],
    ]).toEqual([true, '   6 | …', 'principle'])
  })
  test('a tab, which YAML does not take, can be seen', () => {
    expect(shown('issuer:\n\turl: https://a.no\n').slice(1, 2)).toEqual(['   2 | →url: …:…'])
  })
  test('no control character reaches the terminal', () => {
    const text = policy(
      '    upstream: http://legacy\n    routes: { "GET /\x1b[31m\x9b": public }\n',
    )
    expect(shown(text)[1]).toBe('   6 |     routes: { "GET /·[31m·": public }')
  })
  test('of a file with lines of Windows', () => {
    const text = policy(`    upstrem: http://legacy\n${ROUTES}`).replaceAll('\n', '\r\n')
    expect(shown(text).slice(-3)).toEqual([
      '   5 |     upstrem: …',
      '     |     ^^^^^^^',
      '     = did you mean `upstream`?',
    ])
  })
})

const SECRET = 'hunter2'
/** A fault on the line that holds a secret, or on one of its lines. */
describe('an excerpt shows no secret', () => {
  test.for<readonly [string, string, string, Env?]>([
    [
      'a password beside a fault',
      '    upstream: { url: http://a, tmout: 5s, credentials: { basic: { username: joe, password: hunter2 } } }',
      '    upstream: { url: http://a, tmout: …, credentials: { basic: { username: …, password: … } } }',
    ],
    [
      'the name of a variable is none',
      '    upstream: { url: http://a, tmout: 5s, credentials: { basic: { username: a, password: "${P}" } } }',
      '    upstream: { url: http://a, tmout: …, credentials: { basic: { username: …, password: "${P}" } } }',
      { P: SECRET },
    ],
    [
      'a default of a variable',
      '    upstream: { url: http://a, tmout: 5s, credentials: { bearer: "${P:-hunter2}" } }',
      '    upstream: { url: http://a, tmout: …, credentials: { bearer: … } }',
    ],
    [
      'a client secret',
      '    exchange: { clientId: a, clientSecret: hunter2, scpe: b }',
      '    exchange: { clientId: a, clientSecret: …, scpe: … }',
    ],
    ['the value of an unknown key', '    pasword: hunter2', '    pasword: …'],
    [
      'a password behind a colon without a space',
      '    exchange: { clientId: a, clientSecret:hunter2 }',
      '    exchange: { clientId: a, … }',
    ],
    ['what is under an unknown key', '    creds: { pass: hunter2 }', '    creds: { …: … }'],
    ['a comment', '    hosst: [a] # was hunter2: never again', '    hosst: […]'],
    [
      'a URL with a password',
      '    upstream: { url: "http://joe:hunter2@a", tmout: 5s }',
      '    upstream: { url: "http://…@a", tmout: … }',
    ],
    [
      'a password under an anchor',
      '    upstream: { url: http://a, tmout: 5s, credentials: { bearer: &hunter2 hunter2 } }',
      '    upstream: { url: http://a, tmout: …, credentials: { bearer: … … } }',
    ],
    [
      'a password that stands elsewhere by its alias',
      '    headers: { gatekeeper: &p hunter2, usrid: 1 }\n    upstream: { url: http://a, credentials: { bearer: *p } }',
      '    headers: { gatekeeper: … hunter2, usrid: … }',
    ],
    [
      'a password in two lines',
      '    upstream: { url: http://a, credentials: { bearer: "hunter2\n      hunter2" }, tmout: 1 }',
      '      … }, tmout: … }',
    ],
    ['a second key of one name', '    maxBody: 1MiB\n    maxBody: hunter2', '    …: …'],
  ])('%s', ([, lines, shows, env]) => {
    const text = policy(
      `${lines}\n${lines.includes('upstream:') ? '' : '    upstream: http://a\n'}${ROUTES}`,
    )
    const { status, lines: all } = printed(text, { P: 'x', ...env })
    expect(status).toBe(1)
    expect(all.map(line => line.replace(/^ *\d+ \| /, ''))).toContain(shows)
  })
  test.for([
    ['that is an alias of names elsewhere', '&r { url: redis://hunter2, prefx: a }', '*r'],
    ['of which names elsewhere are an alias', '*r', '&r { url: redis://hunter2, prefx: a }'],
  ] as const)('a secret %s', ([, redis, rename]) => {
    const scopes = `    headers: { scopes: { rename: ${rename}, drp: a } }\n`
    const [first, last] = ['issuer: { url: https://a.no }\n', `redis: ${redis}\n`]
    const all = policy(`    upstream: http://a\n${scopes}${ROUTES}`)
    const text = redis.startsWith('&') ? last + all : all + last
    expect(all).toContain(first)
    expect(shown(text).filter(line => line.includes(' | '))).not.toEqual([])
    expect(shown(text).join('\n')).not.toContain('hunter2')
  })
  test('the secret of Redis and the password in its URL', () => {
    const text = policy(
      `    upstream: http://a\n${ROUTES}`,
      'redis: { url: "redis://:hunter2@r", secret: hunter2, prefx: a }\n',
    )
    expect(shown(text)[1]).toBe('   1 | redis: { url: …, secret: …, prefx: … }')
    expect(shown(text)[2]).toBe('     |                             ^^^^^')
  })
  test.for([
    ['a quote that is missing', 'credentials: { bearer: "hunter2 }'],
    ['a password that YAML does not take', 'credentials: { bearer: @hunter2 }'],
    ['a tag', 'credentials: { bearer: !hunter2 }'],
    ['a line of a password', 'credentials:\n        bearer:\n       hunter2\n      foo'],
    ['a bracket that is missing', 'credentials: { bearer: hunter2'],
  ] as const)('of a file that is no YAML: %s', ([, lines]) => {
    const { status, lines: all } = printed(
      policy(`    upstream:\n      url: http://a\n      ${lines}\n${ROUTES}`),
    )
    expect(status).toBe(1)
    expect(all.filter(line => /^ *\d+ \|/.test(line))).not.toEqual([])
    expect(all.join('\n')).not.toContain('hunter2')
  })
  test('a file that is no YAML shows methods, paths, variables and the words of the schema', () => {
    const text = policy(
      '    upstream: http://a\n    routes:\n      GET /a/{id} { scopes: [read, "${A}"] }: }\n',
    )
    expect(shown(text)[1]).toBe('   7 |       GET /a/{id} { scopes: […, "${A}"] }: }')
  })
})
