// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the policy file
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { test as runTests, type TestOptions } from '../../gateway/commands/test.ts'
import { cli, ROOT } from '../support/gateway.ts'
import { onTerminal, policyFile } from './support.ts'

const POLICY = `issuer: { url: https://a.no }
dataSources:
  grades:
    audience: grades
    upstream: { url: http://legacy/base, credentials: { bearer: "\${TOKEN}" } }
    headers:
      strip: [X-Remote-User]
      inject: { X-User-Name: { claim: name, encoding: percent } }
      scopes: { rename: { readall: read }, drop: [basic] }
    maxBody: 1KiB
    routes:
      GET /courses: { scopes: [read] }
      POST,PUT /courses: { scopes: { anyOf: [append, [audit, list]] }, principal: user }
      ANY /admin/**: { scopes: [admin], clients: [c] }
      GET /me: authenticated
      GET /health: public
`
const HEAD = `policy: policy.yaml
env: { TOKEN: geheim }
principals:
  teacher: { sub: u, client_id: c, name: Kåre }
  nightly: { sub: c, client_id: c }
  other: { sub: u, client_id: d }
cases:
`
const PASSING = '- { request: GET /courses, as: teacher, scope: read, expect: allow }'

/** A policy and a test file beside each other. */
function suite(cases: string, policy = POLICY, head = HEAD) {
  const { directory, file } = policyFile(policy)
  const tests = join(directory, 'policy.test.yaml')
  writeFileSync(tests, head + cases.replace(/^\n/, ''))
  return { directory, policy: file, tests }
}

const NO_OPTIONS: TestOptions = { mutate: false }

/** What the command says, with the names of files alone. */
async function said(cases: string, options: Partial<TestOptions> = {}, policy = POLICY) {
  const { directory, tests } = suite(cases, policy)
  const all = { ...NO_OPTIONS, ...options }
  const { status, out, err } = await onTerminal(on => runTests([tests], all, on))
  const plain = (lines: string[]) => lines.map(line => line.replaceAll(`${directory}/`, ''))
  return { status, out: plain(out), err: plain(err) }
}

const REST = 'coverage of policy.yaml: '

describe('test', () => {
  test('ends with 0 where all cases pass', async () => {
    expect(await said(PASSING)).toEqual({
      status: 0,
      out: [
        'ok policy.yaml: 1 of 1 case(s) passed',
        `${REST}1 of 37 (2 %), --fail-under 100 names the rest`,
      ],
      err: [],
    })
  })
  test('as a process reads the policy beside the test file, and writes nothing on stderr', async () => {
    const { tests, policy } = suite(PASSING)
    const { code, stdout, stderr } = await cli(['test', tests])
    expect({ code, stderr, first: stdout.split('\n')[0] }).toEqual({
      code: 0,
      stderr: '',
      first: `ok ${policy}: 1 of 1 case(s) passed`,
    })
  })

  const passes = async (cases: string) => {
    const { status, out } = await said(cases)
    return { status, failed: out.filter(line => /FAIL|expected|got/.test(line)) }
  }
  test.for([
    [
      'a case for several principals',
      '- { request: GET /me, as: [teacher, nightly], expect: allow }',
    ],
    ['scopes in a list', '- { request: GET /courses, as: other, scope: [read, x], expect: allow }'],
    [
      'claims of nobody in particular',
      '- { request: GET /me, claims: { sub: a, client_id: b }, expect: allow }',
    ],
    [
      'claims over those of a principal',
      '- { request: GET /me, as: other, claims: { aud: b }, expect: token_audience }',
    ],
    [
      'a host and a scheme',
      '- { request: GET https://x.no/health, expect: { headers: { X-Forwarded-Proto: https, X-Forwarded-Host: x.no } } }',
    ],
    [
      'a path, with the base path and the query',
      '- { request: GET /health?a=b, expect: { path: /base/health?a=b } }',
    ],
    [
      'an announced body',
      '- { request: POST /courses, as: teacher, scope: append, body: 2KiB, expect: body_too_large }',
    ],
    [
      'several values of a header',
      '- { request: GET /health, headers: { Accept: [a, b] }, expect: { headers: { accept: [a, b] } } }',
    ],
    [
      'the address of the caller',
      '- { request: GET /health, from: 10.0.0.1, expect: { headers: { X-Forwarded-For: 10.0.0.1 } } }',
    ],
    [
      'a header that is taken away',
      '- { request: GET /health, headers: { X-Remote-User: a }, expect: { without: [x-remote-user] } }',
    ],
    [
      'a malformed token',
      '- { request: GET /me, headers: { Authorization: Bearer a.b }, expect: token_malformed }',
    ],
    [
      'a preflight',
      '- { request: OPTIONS /me, headers: { Origin: https://a, Access-Control-Request-Method: GET }, expect: { without: [Authorization] } }',
    ],
    [
      'what the gateway answers itself',
      '- { request: GET /.well-known/oauth-protected-resource, expect: metadata }',
    ],
    [
      'credentials of the API',
      '- { request: GET /me, as: teacher, expect: { headers: { Authorization: Bearer geheim } } }',
    ],
  ] as const)('takes %s', async ([, cases]) => {
    expect(await passes(cases)).toEqual({ status: 0, failed: [] })
  })
})

describe('a case that fails', () => {
  test('shows what was expected and what came, the line of the policy, and what to do', async () => {
    const { status, out, err } = await said(`
- name: a teacher reads
  request: GET /courses
  as: teacher
  scope: raed
  expect: allow
`)
    expect({ status, err, out: out.slice(0, -1) }).toEqual({
      status: 1,
      err: [],
      out: [
        'FAIL policy.test.yaml:9: a teacher reads',
        '  12 |   expect: allow',
        '     |           ^^^^^',
        '     - expected  allow',
        '     + got       403 scope_missing: This route asks for: read',
        '     decided by policy.yaml:12',
        '  12 |       GET /courses: { scopes: [read] }',
        '     |                               ------',
        '     = the token has `raed`, not `read`: scopes are compared to the letter',
        'not ok policy.yaml: 0 of 1 case(s) passed',
      ],
    })
  })
  test('shows each header that differs, with its own line, and no secret', async () => {
    const { out } = await said(`
- request: GET /courses
  as: [teacher, other]
  scope: readall basic
  expect: allow
- request: GET /me
  as: teacher
  scope: readall basic
  expect:
    path: /me
    headers:
      X-User-Name: Kåre
      X-Dataporten-scopes: read
      Authorization: Bearer hemmelig
      X-More: a
    without: [X-Nothing, X-Dataporten-userid]
`)
    expect(out.filter(line => line.startsWith('FAIL'))).toEqual([
      'FAIL policy.test.yaml:8: GET /courses as teacher with scope "readall basic"',
      'FAIL policy.test.yaml:8: GET /courses as other with scope "readall basic"',
      'FAIL policy.test.yaml:12: GET /me as teacher with scope "readall basic"',
    ])
    expect(
      out.slice(out.findIndex(line => line.startsWith('FAIL policy.test.yaml:12')) + 1, -2),
    ).toEqual([
      '  16 |     path: /me',
      '     |           ^^^',
      '     path',
      '     - expected  /me',
      '     + got       /base/me',
      '  18 |       X-User-Name: Kåre',
      '     |                    ^^^^',
      '     X-User-Name',
      '     - expected  "Kåre"',
      '     + got       "K%C3%A5re"',
      '  20 |       Authorization: Bearer hemmelig',
      '     |                      ^^^^^^^^^^^^^^^',
      '     Authorization',
      '     - expected  "Bearer [hidden]"',
      '     + got       another "Bearer [hidden]"',
      '  21 |       X-More: a',
      '     |               ^',
      '     X-More',
      '     - expected  "a"',
      '     + got       absent',
      '  22 |     without: [X-Nothing, X-Dataporten-userid]',
      '     |                          ^^^^^^^^^^^^^^^^^^^',
      '     X-Dataporten-userid',
      '     - expected  absent',
      '     + got       "u"',
    ])
    expect(out.join('\n')).not.toContain('geheim')
  })
  test('is one where another refusal came than expected', async () => {
    const { status, out } = await said('- { request: GET /me, expect: token_expired }')
    expect([status, out[4]]).toEqual([1, expect.stringMatching(/got +401 token_missing:/)])
  })
  test('is one where a refusal was expected, and none came', async () => {
    const { status, out } = await said('- { request: GET /health, expect: token_missing }')
    expect([status, out[4]]).toEqual([1, '     + got       allow'])
  })
})

describe('coverage', () => {
  const COURSES = `
- { request: GET /courses, expect: token_missing }
- { request: GET /courses, as: [teacher, nightly], scope: read, expect: allow }
- { request: GET /courses, as: [teacher, nightly], scope: append, expect: scope_missing }
`
  const SMALL = POLICY.replace(/ {6}(POST|ANY|GET \/me|GET \/health).*\n/g, '')
  const missing = async (cases: string, policy: string) => {
    const { out } = await said(cases, { failUnder: 100 }, policy)
    return out.filter(line => line.startsWith('  no case tries')).map(line => line.slice(16))
  }

  test('is route by method by what each scope does by principal', async () => {
    expect(await said(COURSES, { failUnder: 100 }, SMALL)).toEqual({
      status: 0,
      out: ['ok policy.yaml: 5 of 5 case(s) passed', `${REST}5 of 5 (100 %)`],
      err: [],
    })
  })
  test('names what no case tries, and ends with 1 below what was asked for', async () => {
    const { status, out } = await said(PASSING, { failUnder: 21 }, SMALL)
    expect({ status, out: out.slice(1) }).toEqual({
      status: 1,
      out: [
        `${REST}1 of 5 (20 %)`,
        '  no case tries GET /courses without a token (line 12)',
        '  no case tries GET /courses by a user without read (line 12)',
        '  no case tries GET /courses by a system with read (line 12)',
        '  no case tries GET /courses by a system without read (line 12)',
      ],
    })
    expect((await said(PASSING, { failUnder: 20 }, SMALL)).status).toBe(0)
  })
  const route = (line: string) => SMALL.replace(/GET \/courses: .*/, line)
  test.for<readonly [string, string, readonly string[]]>([
    ['a public route', 'GET /a: public', ['GET /a without a token (line 12)']],
    [
      'any token',
      'GET /a: authenticated',
      ['without a token', 'by a user', 'by a system'].map(what => `GET /a ${what} (line 12)`),
    ],
    [
      'two methods',
      'GET,PUT /a: public',
      ['GET /a without a token (line 12)', 'PUT /a without a token (line 12)'],
    ],
    [
      'alternatives, and each of their scopes',
      'GET /a: { scopes: { anyOf: [a, [b, c]] } }',
      ['user', 'system']
        .flatMap(kind => [
          `by a ${kind} with a`,
          `by a ${kind} without a`,
          `by a ${kind} with b and c`,
          `by a ${kind} with c, but without b`,
          `by a ${kind} with b, but without c`,
        ])
        .map(what => `GET /a ${what} (line 12)`),
    ],
    [
      'no scope whose lack another alternative makes good',
      'GET /a: { scopes: { anyOf: [a, [a, b]] } }',
      ['user', 'system']
        .flatMap(kind => [
          `by a ${kind} with a`,
          `by a ${kind} without a`,
          `by a ${kind} with a and b`,
          `by a ${kind} with b, but without a`,
        ])
        .map(what => `GET /a ${what} (line 12)`),
    ],
    [
      'clients',
      'ANY /a/**: { scopes: [a], clients: [c] }',
      [
        ...['user', 'system'].flatMap(kind => [`by a ${kind} with a`, `by a ${kind} without a`]),
        'by a client that is not on the list',
      ].map(what => `ANY /a/** ${what} (line 12)`),
    ],
  ])('of %s', async ([, line, says]) => {
    const tried = '- { request: GET /nothing, expect: route_unknown }'
    const all = await missing(tried, route(line))
    const isOfToken = (what: string) => what.includes('without a token')
    const wanted = says.some(isOfToken) ? all : all.filter(what => !isOfToken(what))
    expect(wanted).toEqual(says)
  })
  test('the refusal of the other kind of principal is what a restricted route says', async () => {
    const restricted = route('GET /a: { scopes: [a], principal: user }')
    const cases = `
- { request: GET /a, expect: token_missing }
- { request: GET /a, as: teacher, scope: a, expect: allow }
- { request: GET /a, as: nightly, scope: a, expect: user_required }
- { request: GET /a, as: [teacher, nightly], scope: b, expect: scope_missing }
`
    expect(await missing(cases, restricted)).toEqual([])
  })
  test('a refusal for another reason shows nothing of a scope', async () => {
    const listed = route('GET /a: { scopes: [a], clients: [x] }')
    const tried = '- { request: GET /a, as: teacher, scope: a, expect: client_not_allowed }'
    const says = await missing(tried, listed)
    expect(says).toContain('GET /a by a user with a (line 12)')
    expect(says).not.toContain('GET /a by a client that is not on the list (line 12)')
  })
  test('who lacks every scope shows nothing of one of them', async () => {
    const both = route('GET /a: { scopes: [a, b] }')
    const tried = '- { request: GET /a, as: teacher, expect: scope_missing }'
    expect(await missing(tried, both)).toContain('GET /a by a user with b, but without a (line 12)')
  })
  test('one method shows nothing of another', async () => {
    const tried = '- { request: PUT /a, expect: allow }'
    expect(await missing(tried, route('GET,PUT /a: public'))).toEqual([
      'GET /a without a token (line 12)',
    ])
  })
  test('a case that fails shows nothing', async () => {
    const { out } = await said('- { request: GET /courses, expect: allow }', {}, SMALL)
    expect(out.at(-1)).toMatch(/: 0 of 5 \(0 %\)/)
  })
  test('joins several files of one policy', async () => {
    const { directory, tests } = suite(PASSING, SMALL)
    const more = join(directory, 'more.test.yaml')
    writeFileSync(more, HEAD + COURSES.trimStart())
    const options = { mutate: false, failUnder: 100 }
    const { status, out } = await onTerminal(on => runTests([tests, more], options, on))
    expect([status, out.length, out[1]]).toEqual([0, 2, expect.stringContaining('5 of 5 (100 %)')])
  })
})

const FULL = `
- { request: GET /courses, as: teacher, scope: readall basic, expect: scope_missing }
- request: GET /courses
  as: teacher
  scope: read readall basic
  headers: { X-Remote-User: forged }
  expect:
    headers: { X-User-Name: K%C3%A5re, X-Dataporten-scopes: read }
    without: [X-Remote-User]
- { request: GET /courses, as: teacher, scope: append, expect: scope_missing }
- { request: POST /courses, as: teacher, scope: append, body: 1KiB, expect: allow }
- { request: POST /courses, as: teacher, scope: append, body: 1025B, expect: body_too_large }
- { request: PUT /courses, as: teacher, scope: audit list, expect: allow }
- { request: PUT /courses, as: teacher, scope: audit, expect: scope_missing }
- { request: PUT /courses, as: teacher, scope: list, expect: scope_missing }
- { request: PUT /courses, as: nightly, scope: append, expect: user_required }
- { request: DELETE /admin, as: teacher, scope: admin, expect: allow }
- { request: DELETE /admin, as: teacher, scope: read, expect: scope_missing }
- { request: DELETE /admin, as: other, scope: admin, expect: client_not_allowed }
- { request: GET /me, expect: token_missing }
- { request: GET /health, expect: allow }
`

describe('test --mutate', () => {
  const unnoticed = async (cases: string, policy = POLICY) => {
    const { status, out } = await said(cases, { mutate: true }, policy)
    const at = out.findIndex(line => line.startsWith('mutations'))
    return { status, lines: out.slice(at) }
  }
  const MUTATIONS = 'mutations of policy.yaml: '

  test('ends with 0 where every scope, route and restriction is missed by some case', async () => {
    expect(await unnoticed(FULL)).toEqual({ status: 0, lines: [`${MUTATIONS}22 of 22 noticed`] })
  })

  /** Cases that do not look where the hole is, by what one has to look at. */
  test.for<readonly [string, RegExp, string]>([
    ['a scope', /- \{ request: GET \/courses,.*\n/g, 'scope read of GET /courses (line 12)'],
    [
      'a scope of several',
      /.*PUT \/courses.*scope: list,.*\n/g,
      'scope audit of POST,PUT /courses (line 13)',
    ],
    [
      'an alternative',
      /.*PUT \/courses.*audit list.*\n/g,
      'alternative audit and list of POST,PUT /courses (line 13)',
    ],
    ['a principal', /.*user_required.*\n/g, 'principal: user of POST,PUT /courses (line 13)'],
    ['clients', /.*client_not_allowed.*\n/g, 'clients of ANY /admin/** (line 14)'],
    ['a route', /.*\/health.*\n/g, 'GET /health (line 16)'],
    ['a token', /.*\/me.*\n/g, 'the token of GET /me (line 15)'],
    ['a method', /.*POST \/courses.*\n/g, 'POST of POST,PUT /courses (line 13)'],
    [
      'a stripped header',
      /\n +without: \[X-Remote-User\]/g,
      'headers.strip X-Remote-User (line 7)',
    ],
    ['an injected header', /X-User-Name: K%C3%A5re, /g, 'headers.inject X-User-Name (line 8)'],
    ['a scope that is renamed', /read readall/g, 'headers.scopes.rename readall (line 9)'],
    ['a scope that is dropped', /readall basic/g, 'headers.scopes.drop basic (line 9)'],
    ['the largest body', /.*body_too_large.*\n/g, 'maxBody (line 10)'],
  ])('names %s that no case looks at', async ([, cases, what]) => {
    const less = FULL.replace(cases, text => (text.includes('\n') ? '' : instead(text)))
    const { status, lines } = await unnoticed(less)
    expect(status).toBe(1)
    expect(lines).toContain(`  without ${what} all cases pass`)
  })
  const instead = (text: string) =>
    ({
      'X-User-Name: K%C3%A5re, ': '',
      'read readall': 'read',
      'readall basic': 'readall',
    })[text] ?? text

  test('finds a hole that a full coverage hides', async () => {
    // `audit` alone was meant to be refused; nobody asked with both, so `list` could go.
    const hole = POLICY.replace(/ {6}(GET|ANY).*\n/g, '').replace(
      / {4}headers:\n(?: {6}.*\n){3} {4}maxBody.*\n/,
      '',
    )
    const cases = `
- { request: POST /courses, as: teacher, scope: append, expect: allow }
- { request: PUT /courses, as: teacher, scope: audit list, expect: allow }
- { request: PUT /courses, as: teacher, scope: list, expect: scope_missing }
- { request: POST /courses, as: nightly, scope: append, expect: user_required }
`
    const { status, lines } = await unnoticed(cases, hole)
    expect({ status, lines }).toEqual({
      status: 1,
      lines: [
        `${MUTATIONS}8 of 9 noticed`,
        '  without scope list of POST,PUT /courses (line 7) all cases pass',
      ],
    })
  })
  test('a route that another one stands in for is one that could go', async () => {
    const double = POLICY.replace(
      'GET /health: public',
      'GET /health: public\n      GET /health/**: public',
    )
    const { lines } = await unnoticed(
      `${FULL}- { request: GET /health/a, expect: allow }\n`,
      double,
    )
    expect(lines.slice(1)).toEqual(['  without GET /health (line 16) all cases pass'])
  })
  test('is not tried where a case fails as it is', async () => {
    const { status, lines } = await unnoticed('- { request: GET /me, expect: allow }')
    expect({ status, lines }).toEqual({
      status: 1,
      lines: [`${MUTATIONS}not tried, since cases fail as it is`],
    })
  })
  test('a limit that is not written in the file is none that could be taken out', async () => {
    const { lines } = await unnoticed(
      FULL.replace(/.*body_too_large.*\n/, ''),
      POLICY.replace(/ {4}maxBody.*\n/, ''),
    )
    expect(lines).toEqual([`${MUTATIONS}21 of 21 noticed`])
  })
})

describe('config/gateway.test.yaml', () => {
  test('shows all of config/gateway.yaml, and notices each thing that is taken out of it', async () => {
    const args = ['test', 'config/gateway.test.yaml', '--fail-under', '100', '--mutate']
    const { code, stdout, stderr } = await cli(args, { cwd: ROOT })
    expect({ code, stderr, lines: stdout.split('\n') }).toEqual({
      code: 0,
      stderr: '',
      lines: [
        expect.stringMatching(/^ok config\/gateway\.yaml: (\d+) of \1 case\(s\) passed$/),
        expect.stringMatching(/^coverage of config\/gateway\.yaml: (\d+) of \1 \(100 %\)$/),
        expect.stringMatching(/^mutations of config\/gateway\.yaml: (\d+) of \1 noticed$/),
        '',
      ],
    })
  })
  test('names its schema, for editors', () => {
    expect(readFileSync(join(ROOT, 'config/gateway.test.yaml'), 'utf8').split('\n')[0]).toBe(
      '# yaml-language-server: $schema=./gateway.test.schema.json',
    )
  })
})

describe('faults of a test file', () => {
  test('come all at once, with their lines, on stderr', async () => {
    const { tests, directory } = suite(
      '',
      POLICY,
      `polcy: policy.yaml
principals: { teacher: { sub: u, client_id: c } }
cases:
  - { request: GET courses, expect: allow }
  - { request: GET /a, as: teachr, expect: alow }
  - { request: GET /a, as: [teacher, b], expect: { headers: { A: 1 }, wihtout: [b] } }
  - { request: GET /a, scope: read, expect: upstream_timeout }
`,
    )
    const { status, out, err } = await onTerminal(on => runTests([tests], NO_OPTIONS, on))
    const EXPECT = '`allow`, a code such as scope_missing, or a map of what the API gets'
    const lines = err.map(line => line.replaceAll(`${directory}/`, ''))
    expect({ status, out, err: lines.filter(line => line.startsWith('policy.test')) }).toEqual({
      status: 1,
      out: [],
      err: [
        'policy.test.yaml:1:1: polcy: expected a known key, got "polcy"',
        'policy.test.yaml:4:16: cases[0].request: expected METHOD and a path or URL, such as GET /courses?page=2, got "GET courses"',
        'policy.test.yaml:5:28: cases[1].as: expected a principal of this file, got "teachr"',
        `policy.test.yaml:5:44: cases[1].expect: expected ${EXPECT}, got "alow"`,
        'policy.test.yaml:6:38: cases[2].as[1]: expected a principal of this file, got "b"',
        'policy.test.yaml:6:66: cases[2].expect.headers.A: expected text in quotes, or a list of it, got 1',
        'policy.test.yaml:6:71: cases[2].expect.wihtout: expected a known key, got "wihtout"',
        'policy.test.yaml:7:24: cases[3].scope: expected a token that has it: `as` or `claims`, got neither',
        `policy.test.yaml:7:45: cases[3].expect: expected ${EXPECT}, got "upstream_timeout"`,
      ],
    })
    expect(lines.filter(line => line.includes('did you mean'))).toEqual([
      '     = did you mean `policy`?',
      '     = did you mean `teacher`?',
      '     = did you mean `allow`?',
      '     = did you mean `without`?',
    ])
  })
  test('a file that names no policy wants one', async () => {
    const { tests, policy } = suite(PASSING, POLICY, HEAD.replace('policy: policy.yaml\n', ''))
    const run = (options: TestOptions) => onTerminal(on => runTests([tests], options, on))
    expect(await run(NO_OPTIONS)).toEqual({
      status: 1,
      out: [],
      err: [
        `${tests}:1:1: policy: expected the path of a policy file, here or as --policy, got nothing`,
        expect.stringContaining(' | env: '),
        expect.stringContaining('^'),
      ],
    })
    expect((await run({ mutate: false, policy })).status).toBe(0)
  })
  test('--policy and --config name another policy', async () => {
    const { tests } = suite(PASSING)
    const other = policyFile(POLICY.replace('[read]', '[list]')).file
    for (const flag of ['--policy', '--config']) {
      const { code, stdout } = await cli(['test', tests, flag, other])
      expect([code, stdout.includes(`not ok ${other}: 0 of 1`)]).toEqual([1, true])
    }
  })
  test('a policy with a fault is told on stderr', async () => {
    const { status, out, err } = await said(PASSING, {}, POLICY.replace('[read]', '[]'))
    expect({ status, out, err: err[0] }).toEqual({
      status: 1,
      out: [],
      err: 'policy.yaml:12:31: dataSources.grades.routes["GET /courses"].scopes: expected at least one scope, got []',
    })
  })
  test('a file that is not there', async () => {
    const { status, err } = await onTerminal(on => runTests(['no-such-file'], NO_OPTIONS, on))
    expect([status, err[0]]).toEqual([
      1,
      expect.stringMatching(
        /^no-such-file: expected a file that can be read, got no such file at /,
      ),
    ])
  })
  test.for([
    [['test']],
    [['test', 'a', '--fail-under', '101']],
    [['test', 'a', '--fail-under', 'x']],
  ])('wrong usage ends with 2: %j', async ([args]) => expect((await cli(args ?? [])).code).toBe(2))
})

describe('test --junit', () => {
  test("writes JUnit's XML, with all that XML cannot hold escaped", async () => {
    const { directory, tests } = suite(`
- { name: "a \\"quoted\\" <name> & \\x01 more", request: GET /health, expect: allow }
- request: GET /courses
  as: teacher
  scope: read
  expect: { headers: { X-User-Name: "<Kåre>" }, without: [X-Dataporten-userid] }
`)
    const junit = join(directory, 'results.xml')
    const { status } = await onTerminal(on => runTests([tests], { mutate: false, junit }, on))
    const place = `classname="${tests}" file="${tests}"`
    const counts = 'tests="2" failures="1"'
    expect({ status, xml: readFileSync(junit, 'utf8').split('\n') }).toEqual({
      status: 1,
      xml: [
        '<?xml version="1.0" encoding="UTF-8"?>',
        `<testsuites name="feide-gateway test" ${counts}>`,
        `  <testsuite name="${tests}" ${counts}>`,
        `    <testcase name="a &quot;quoted&quot; &lt;name&gt; &amp; \ufffd more" ${place} line="8"/>`,
        `    <testcase name="GET /courses as teacher with scope &quot;read&quot;" ${place} line="9">`,
        '      <failure message="X-User-Name: expected &quot;&lt;Kåre&gt;&quot;, got &quot;K%C3%A5re&quot;">X-User-Name: expected &quot;&lt;Kåre&gt;&quot;, got &quot;K%C3%A5re&quot;&#10;X-Dataporten-userid: expected absent, got &quot;u&quot;</failure>',
        '    </testcase>',
        '  </testsuite>',
        '</testsuites>',
        '',
      ],
    })
  })
  test('where it cannot be written ends with 1 and a word on stderr', async () => {
    const { status, err } = await said(PASSING, { junit: '/no/such/directory/results.xml' })
    expect([status, err[0]]).toEqual([1, expect.stringMatching(/^error: cannot write \/no\/such/)])
  })
})

describe('a policy that does not enforce', () => {
  const LOOSE = `issuer: { url: https://a.no }
dataSources:
  grades:
    audience: grades
    upstream: http://legacy
    enforce: false
    routes:
      GET /courses: { scopes: [read] }
      POST /courses: { scopes: [append], principal: user, enforce: true }
      GET /user: { scopes: [read], principal: user }
`
  const CASES = `
- { request: GET /courses, expect: token_missing }
- { request: GET /courses, as: [teacher, nightly], scope: read, expect: { shadow: none, without: [X-Gateway-Shadow] } }
- { request: GET /courses, as: [teacher, nightly], scope: x, expect: { shadow: scope_missing, headers: { X-Gateway-Shadow: scope_missing } } }
- { request: POST /courses, expect: token_missing }
- { request: POST /courses, as: teacher, scope: append, expect: { shadow: none } }
- { request: POST /courses, as: [teacher, nightly], scope: x, expect: scope_missing }
- { request: POST /courses, as: nightly, scope: append, expect: user_required }
- { request: GET /user, expect: token_missing }
- { request: GET /user, as: teacher, scope: read, expect: { shadow: none } }
- { request: GET /user, as: nightly, scope: read, expect: { shadow: user_required } }
- { request: GET /user, as: [teacher, nightly], scope: x, expect: { shadow: scope_missing } }
`
  test('has cases that say what would have been refused, counted once as that', async () => {
    expect(await said(CASES, { failUnder: 100, mutate: true }, LOOSE)).toEqual({
      status: 0,
      out: [
        'ok policy.yaml: 15 of 15 case(s) passed',
        `${REST}15 of 15 (100 %)`,
        'mutations of policy.yaml: 10 of 10 noticed',
      ],
      err: [],
    })
  })
  test('takes nothing out that says the same as the data source', async () => {
    const twice = LOOSE.replace('scopes: [read] }', 'scopes: [read], enforce: false }')
    const { status, out } = await said(CASES, { mutate: true }, twice)
    expect([status, out[2]]).toEqual([0, 'mutations of policy.yaml: 10 of 10 noticed'])
  })
  test('lets a case that expects `allow` pass, and does not take it for one who may', async () => {
    const cases = '- { request: GET /user, as: nightly, scope: read, expect: allow }'
    const { status, out } = await said(cases, { failUnder: 100 }, LOOSE)
    expect(status).toBe(1)
    expect(out[0]).toBe('ok policy.yaml: 1 of 1 case(s) passed')
    const cell = 'GET /user by a system with read'
    expect(out.filter(line => line.includes(cell))).toEqual([])
    expect(out[1]).toBe(`${REST}1 of 15 (6 %)`)
  })
  test('shows the mark where something else was expected, and the line that is not enforced', async () => {
    const cases = '- { request: GET /courses, as: teacher, scope: x, expect: scope_missing }'
    const { out } = await said(cases, {}, LOOSE)
    expect(out.slice(3, 8)).toEqual([
      '     - expected  scope_missing',
      '     + got       allow (shadow: scope_missing)',
      '     decided by policy.yaml:8',
      '   8 |       GET /courses: { scopes: [read] }',
      '     |                               ------',
    ])
  })
  test('shows the mark that was expected, and the one that came', async () => {
    const cases = '- { request: GET /courses, as: teacher, scope: x, expect: { shadow: none } }'
    const { out } = await said(cases, {}, LOOSE)
    expect(out.slice(3, 6)).toEqual([
      '     shadow',
      '     - expected  none',
      '     + got       scope_missing',
    ])
  })
  test.for([
    ['the word of the data source', /.*GET \/courses, as.*scope: x.*\n/, 'enforce: false (line 6)'],
    [
      'the word of a route',
      /.*POST \/courses, as: (\[teacher, nightly\], scope: x|nightly).*\n/g,
      'enforce: true of POST /courses (line 9)',
    ],
  ] as const)('names %s where no case looks at it', async ([, cases, what]) => {
    const less = CASES.replace(cases, '').replace(/.*GET \/user.*(nightly|x,).*\n/g, '')
    const { out } = await said(less, { mutate: true }, LOOSE)
    expect(out).toContain(`  without ${what} all cases pass`)
  })
})
