import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ExplainOptions, explain } from '../../gateway/commands/explain.ts'
import { cli, ROOT } from '../support/gateway.ts'
import { AUDIENCE, CLAIM, CLIENT_ID, type Issuer, startIssuer, USER_ID } from '../support/issuer.ts'
import { onTerminal, policyFile } from './support.ts'

/** Line numbers matter here; nothing listens at the issuer's address. */
const policy = (issuer: string) => `issuer: { url: "${issuer}" }
dataSources:
  grades:
    audience: ${AUDIENCE}
    hosts: [grades.example.no, grades.test]
    upstream:
      url: http://legacy:3000/base
      credentials: { basic: { username: dataporten, password: geheim } }
    headers:
      inject: { X-User-Name: { claim: name, encoding: percent } }
    routes:
      GET /courses: { scopes: [read] }
      GET /courses/{id}: { scopes: { anyOf: [read, [audit, list]] } }
      POST /courses: { scopes: [append], principal: user }
      GET /batch: { scopes: [read], principal: system }
      ANY /admin/**: { scopes: [read], clients: [b4efd5c5-b3ba-4d5f-8c39-ec9f2c2b4b3b] }
      GET /me: authenticated
      GET /health: public
  exams:
    audience: exams
    hosts: [exams.example.no]
    upstream: { url: http://exams:3000, credentials: forward }
    routes:
      GET /me: authenticated
`
const { file } = policyFile(policy('https://issuer.invalid'))

const NO_OPTIONS: ExplainOptions = { header: [], json: false, showSecrets: false }
const USER = JSON.stringify({
  sub: USER_ID,
  client_id: CLIENT_ID,
  scope: 'read',
  name: 'Kåre',
  [`${CLAIM}eduPersonPrincipalName`]: 'kare@example.no',
})
const SYSTEM = JSON.stringify({ sub: CLIENT_ID, client_id: CLIENT_ID, scope: 'read' })

const said = (method: string, url: string, options: Partial<ExplainOptions> = {}, path = file) =>
  onTerminal(on => explain(path, method, url, { ...NO_OPTIONS, ...options }, on))

async function json(
  method: string,
  url: string,
  options: Partial<ExplainOptions> = {},
  path = file,
) {
  const { status, out, err } = await said(method, url, { ...options, json: true }, path)
  // In words, for people; the code says the same for programs.
  const { detail: _, ...answer } = JSON.parse(out.join('\n'))
  return { status, err, answer }
}

const denied = (code: string, httpStatus: number, more: object = {}) => ({
  status: 1,
  err: [],
  answer: {
    decision: 'deny',
    code,
    shadow: null,
    status: httpStatus,
    dataSource: 'grades',
    route: null,
    line: null,
    principal: null,
    required: [],
    granted: [],
    upstream: null,
    ...more,
  },
})
const COURSES = { route: 'GET /courses', line: 12, required: [['read']] }

describe('explain --json', () => {
  test('of a request that is allowed says why, and what the upstream would see', async () => {
    expect(await json('GET', 'http://grades.test/courses?page=2', { claims: USER })).toEqual({
      status: 0,
      err: [],
      answer: {
        decision: 'allow',
        code: null,
        shadow: null,
        status: null,
        dataSource: 'grades',
        ...COURSES,
        principal: 'user',
        granted: ['read'],
        upstream: {
          method: 'GET',
          url: 'http://legacy:3000/base/courses?page=2',
          headers: [
            ['Host', 'legacy:3000'],
            ['X-Forwarded-For', '127.0.0.1'],
            ['X-Forwarded-Proto', 'http'],
            ['X-Forwarded-Host', 'grades.test'],
            ['X-Request-Id', expect.stringMatching(/^[0-9a-f-]{36}$/)],
            ['X-Dataporten-gatekeeper', 'grades'],
            ['X-Dataporten-clientid', CLIENT_ID],
            ['X-Dataporten-userid', USER_ID],
            ['X-Dataporten-userid-sec', 'feide:kare@example.no'],
            ['X-Dataporten-scopes', 'read'],
            ['X-User-Name', 'K%C3%A5re'],
            ['Authorization', 'Basic [hidden]'],
          ],
        },
      },
    })
  })
  test('has the fields of the contract and no others', async () => {
    const { out } = await said('GET', '/courses', { claims: USER, json: true })
    const { upstream, ...answer } = JSON.parse(out.join('\n'))
    expect([Object.keys(answer).sort(), Object.keys(upstream).sort()]).toEqual([
      [
        ...['code', 'dataSource', 'decision', 'granted', 'line', 'principal', 'required'],
        ...['route', 'shadow', 'status'],
      ],
      ['headers', 'method', 'url'],
    ])
  })

  test.for([
    ['no token', 'GET', '/courses', undefined, denied('token_missing', 401, COURSES)],
    [
      'a scope that is missing',
      'POST',
      '/courses',
      USER,
      denied('scope_missing', 403, {
        route: 'POST /courses',
        line: 14,
        required: [['append']],
        principal: 'user',
        granted: ['read'],
      }),
    ],
    [
      'a route for systems',
      'GET',
      '/batch',
      USER,
      denied('system_required', 403, {
        route: 'GET /batch',
        line: 15,
        required: [['read']],
        principal: 'user',
        granted: ['read'],
      }),
    ],
    [
      'a route for another client',
      'DELETE',
      '/admin/a/b',
      SYSTEM,
      denied('client_not_allowed', 403, {
        route: 'ANY /admin/**',
        line: 16,
        required: [['read']],
        principal: 'system',
        granted: ['read'],
      }),
    ],
    ['no route', 'GET', '/nothing', USER, denied('route_unknown', 404, { dataSource: null })],
    ['no host', 'GET', 'http://a.no/', USER, denied('host_unknown', 404, { dataSource: null })],
    ['no method', 'PUT', '/me', USER, denied('method_not_allowed', 405, { dataSource: null })],
    [
      'a method that is never passed on',
      'TRACE',
      '/me',
      USER,
      denied('method_not_allowed', 405, { dataSource: null }),
    ],
    [
      'a path with two readings',
      'GET',
      '/a/../courses',
      USER,
      denied('path_ambiguous', 400, { dataSource: null }),
    ],
    ['claims of nobody', 'GET', '/courses', '{}', denied('token_claims', 401, COURSES)],
    [
      'another audience',
      'GET',
      '/courses',
      '{"aud":"other"}',
      denied('token_audience', 401, COURSES),
    ],
    [
      'another issuer',
      'GET',
      '/courses',
      '{"iss":"https://a.no"}',
      denied('token_issuer', 401, COURSES),
    ],
    [
      'claims of the past',
      'GET',
      '/courses',
      '{"iat":1,"exp":2}',
      denied('token_expired', 401, COURSES),
    ],
    [
      'claims for too long',
      'GET',
      '/courses',
      '{"iat":1,"exp":99999999999}',
      denied('token_lifetime', 401, COURSES),
    ],
    [
      'a claim that no header can carry',
      'GET',
      '/me',
      '{"sub":"u","client_id":"c","name":{}}',
      denied('claim_unrepresentable', 502, { route: 'GET /me', line: 17, principal: 'user' }),
    ],
  ] as const)('%s', async ([, method, url, claims, answer]) => {
    expect(await json(method, url, claims === undefined ? {} : { claims })).toEqual(answer)
  })

  test('a public route needs no token', async () => {
    expect((await json('GET', '/health')).answer).toEqual({
      decision: 'allow',
      code: null,
      shadow: null,
      status: null,
      dataSource: 'grades',
      route: 'GET /health',
      line: 18,
      principal: null,
      required: [],
      granted: [],
      upstream: {
        method: 'GET',
        url: 'http://legacy:3000/base/health',
        headers: [
          ['Host', 'legacy:3000'],
          ['X-Forwarded-For', '127.0.0.1'],
          ['X-Forwarded-Proto', 'http'],
          ['X-Forwarded-Host', 'grades.example.no'],
          ['X-Request-Id', expect.any(String)],
          ['X-Dataporten-gatekeeper', 'grades'],
        ],
      },
    })
  })
  test('alternatives of scopes are told as alternatives', async () => {
    const { answer } = await json('GET', '/courses/7', { claims: USER })
    expect([answer.decision, answer.required]).toEqual(['allow', [['read'], ['audit', 'list']]])
  })
  test('further headers go through the same rules as those of a caller', async () => {
    const header = [
      'Accept: text/plain',
      'X-Dataporten-userid: evil',
      'X_User_Name: evil',
      'Cookie:',
    ]
    const { answer } = await json('GET', '/health', { header })
    expect(answer.upstream.headers.slice(0, 3)).toEqual([
      ['Host', 'legacy:3000'],
      ['Accept', 'text/plain'],
      ['Cookie', ''],
    ])
    expect(JSON.stringify(answer)).not.toContain('evil')
  })
  test('a body that is too large is refused by its declared length', async () => {
    const header = ['Content-Length: 10485761']
    expect((await json('GET', '/health', { header })).answer).toMatchObject({
      code: 'body_too_large',
      status: 413,
      route: 'GET /health',
    })
  })
})

describe('where only a path is given', () => {
  test('the first host of the policy is meant', async () => {
    const { answer } = await json('GET', '/me', { claims: SYSTEM })
    expect([answer.decision, answer.dataSource]).toEqual(['allow', 'grades'])
  })
  test('an https URL is a request over TLS', async () => {
    const { answer } = await json('GET', 'https://GRADES.example.no:443/health')
    expect(answer.upstream.headers).toContainEqual(['X-Forwarded-Proto', 'https'])
    expect(answer.upstream.headers).toContainEqual(['X-Forwarded-Host', 'GRADES.example.no:443'])
  })
  test('a URL without a path asks for the root', async () => {
    expect((await json('GET', 'http://grades.test')).answer.code).toBe('route_unknown')
  })
})

describe('credentials', () => {
  const authorization = async (url: string, options: Partial<ExplainOptions>) =>
    (await json('GET', url, { claims: USER, ...options })).answer.upstream.headers.at(-1)
  const basic = `Basic ${Buffer.from('dataporten:geheim').toString('base64')}`

  test('are hidden', async () => {
    expect(await authorization('/courses', {})).toEqual(['Authorization', 'Basic [hidden]'])
    const { out } = await said('GET', '/courses', { claims: USER })
    expect(out.at(-1)).toBe('       Authorization: Basic [hidden]')
  })
  test('are shown with --show-secrets', async () => {
    const shown = { showSecrets: true }
    expect(await authorization('/courses', shown)).toEqual(['Authorization', basic])
    const { out } = await said('GET', '/courses', { claims: USER, ...shown })
    expect(out.at(-1)).toBe(`       Authorization: ${basic}`)
  })
  test('a token that goes on is one too', async () => {
    const hidden = ['Authorization', 'Bearer [hidden]']
    expect(await authorization('http://exams.example.no/me', {})).toEqual(hidden)
  })
})

describe('explain in text', () => {
  test('of a request that is allowed', async () => {
    expect(await said('GET', '/courses?page=2', { claims: USER })).toEqual({
      status: 0,
      err: [],
      out: [
        'allow',
        `route  GET /courses  (${file}:12, data source grades)`,
        'asks   read',
        `token  a user, client ${CLIENT_ID}, scopes: read`,
        '  12 |       GET /courses: { scopes: [read] }',
        '     |                               ^^^^^^',
        'sends  GET http://legacy:3000/base/courses?page=2',
        '       Host: legacy:3000',
        '       X-Forwarded-For: 127.0.0.1',
        '       X-Forwarded-Proto: http',
        '       X-Forwarded-Host: grades.example.no',
        expect.stringMatching(/^ {7}X-Request-Id: [0-9a-f-]{36}$/),
        '       X-Dataporten-gatekeeper: grades',
        `       X-Dataporten-clientid: ${CLIENT_ID}`,
        `       X-Dataporten-userid: ${USER_ID}`,
        '       X-Dataporten-userid-sec: feide:kare@example.no',
        '       X-Dataporten-scopes: read',
        '       X-User-Name: K%C3%A5re',
        '       Authorization: Basic [hidden]',
      ],
    })
  })
  test('of one that is refused', async () => {
    expect(await said('POST', '/courses', { claims: SYSTEM })).toEqual({
      status: 1,
      err: [],
      out: [
        'deny   403 scope_missing: This route asks for: append',
        `route  POST /courses  (${file}:14, data source grades)`,
        'asks   append, for a user',
        `token  a system, client ${CLIENT_ID}, scopes: read`,
        '  14 |       POST /courses: { scopes: [append], principal: user }',
        '     |                                ^^^^^^^^',
      ],
    })
  })
  test('of one that has no route', async () => {
    const detail = 'The policy of this gateway has no route with this path'
    expect(await said('GET', '/nothing')).toEqual({
      status: 1,
      err: [],
      out: [`deny   404 route_unknown: ${detail}`],
    })
  })
})

describe('explain says what to do', () => {
  const helps = async (method: string, url: string, claims?: string) => {
    const { out } = await said(method, url, claims === undefined ? {} : { claims })
    return out.filter(line => line.startsWith('help ')).map(line => line.slice(7))
  }
  const holding = (scope: string) => JSON.stringify({ ...JSON.parse(USER), scope })
  const LETTERS = 'scopes are compared to the letter'
  const HOSTS = 'served here: grades.example.no, grades.test, exams.example.no'
  test.for<readonly [string, string, string, string | undefined, ...string[]]>([
    [
      'no token',
      'GET',
      '/me',
      undefined,
      'add --token, or --claims to try one that does not exist',
    ],
    [
      'a slip',
      'GET',
      '/courses',
      holding('raed'),
      `the token has \`raed\`, not \`read\`: ${LETTERS}`,
    ],
    [
      'a capital',
      'GET',
      '/courses',
      holding('READ'),
      `the token has \`READ\`, not \`read\`: ${LETTERS}`,
    ],
    ['another scope', 'GET', '/courses', holding('write')],
    [
      'another audience',
      'GET',
      '/me',
      '{"aud":"a"}',
      `this data source takes tokens for ${AUDIENCE}`,
    ],
    [
      'another issuer',
      'GET',
      '/me',
      '{"iss":"https://issuer.invalid/"}',
      'the policy trusts https://issuer.invalid, to the letter',
    ],
    ['another client', 'GET', '/admin', USER, 'it is for b4efd5c5-b3ba-4d5f-8c39-ec9f2c2b4b3b'],
    ['another host', 'GET', 'http://a.no/', USER, HOSTS],
    ['a slip in a path', 'GET', '/cuorses', USER, 'did you mean `GET /courses`?'],
    ['a slash', 'GET', '/courses/', USER, 'there is `GET /courses`: a slash at the end counts'],
    ['capitals', 'GET', '/Me', USER, 'there is `GET /me`: capital and small letters differ'],
    [
      'capitals before a name',
      'GET',
      '/Courses/1',
      USER,
      'there is `GET /courses/{id}`: capital and small letters differ',
    ],
    ['nothing like it', 'GET', '/nothing/at/all', USER],
    ['what is allowed', 'GET', '/courses', USER],
  ])('%s', async ([, method, url, claims, ...says]) => {
    expect(await helps(method, url, claims)).toEqual(says)
  })
})

describe('explain shows the place in the policy that decided', () => {
  const mark = async (method: string, url: string, claims?: string) => {
    const { out } = await said(method, url, claims === undefined ? {} : { claims })
    const at = out.findIndex(line => /^ *\| +\^+$/.test(line))
    const [line = '', under = ''] = [out[at - 1], out[at]]
    return line.slice(under.indexOf('^'), under.lastIndexOf('^') + 1)
  }
  const CLIENT = '[b4efd5c5-b3ba-4d5f-8c39-ec9f2c2b4b3b]'
  test.for<readonly [string, string, string, string | undefined, string]>([
    ['the scopes', 'GET', '/courses', undefined, '[read]'],
    ['alternatives', 'GET', '/courses/1', USER, '{ anyOf: [read, [audit, list]] }'],
    ['the principal', 'GET', '/batch', USER, 'system'],
    ['another principal', 'POST', '/courses', SYSTEM.replace('read', 'append'), 'user'],
    ['the clients', 'GET', '/admin', USER, CLIENT],
    ['any token', 'GET', '/me', undefined, 'authenticated'],
    ['no token', 'GET', '/health', undefined, 'public'],
    ['the audience', 'GET', '/me', '{"aud":"other"}', AUDIENCE],
    ['the issuer', 'GET', '/me', '{"iss":"https://a.no"}', '"https://issuer.invalid"'],
    ['nothing, where there is no route', 'GET', '/nothing', USER, ''],
  ])('%s', async ([, method, url, claims, shows]) => {
    expect(await mark(method, url, claims)).toBe(shows)
  })
  test('and nothing of a secret beside it', async () => {
    const line = 'upstream: { url: http://a, credentials: { bearer: geheim } }'
    const flow = policyFile(
      `issuer: { url: https://a.no }\ndataSources:\n  g0: { audience: a, ${line}, routes: { GET /a: public } }\n`,
    )
    const { out } = await said('GET', '/a', {}, flow.file)
    const shown = `   3 |   g0: { audience: a, ${line.replace('geheim', '…')}, routes: { GET /a: public } }`
    expect(out).toContain(shown)
  })
})

describe('what is no question ends with 2, a word on stderr and nothing on stdout', () => {
  const CLAIMS = 'error: --claims: expected a JSON object such as {"sub":"…","client_id":"…"}'
  test.for<readonly [string, string, Partial<ExplainOptions>, string]>([
    ['claims that are no JSON', '/courses', { claims: '{' }, CLAIMS],
    ['claims that are a list', '/courses', { claims: '[]' }, CLAIMS],
    ['claims that are null', '/courses', { claims: 'null' }, CLAIMS],
    [
      'neither URL nor path',
      'courses',
      {},
      'error: expected a URL or a path such as /courses, got courses',
    ],
    [
      'another scheme',
      'ftp://grades.test/',
      {},
      'error: expected a URL or a path such as /courses, got ftp://grades.test/',
    ],
    [
      'a header without a colon',
      '/courses',
      { header: ['Accept'] },
      'error: --header: expected Name: value, got Accept',
    ],
  ])('%s', async ([, url, options, says]) => {
    expect(await said('GET', url, options)).toEqual({ status: 2, out: [], err: [says] })
  })
  test('a policy with a fault is an answer, though: 1, with the fault on stderr', async () => {
    expect(await said('GET', '/courses', { claims: USER }, 'no-such-file')).toEqual({
      status: 1,
      out: [],
      err: [
        `no-such-file: expected a file that can be read, got no such file at ${resolve('no-such-file')}`,
      ],
    })
  })
})

describe('explain with a real issuer', () => {
  let issuer: Issuer
  beforeAll(async () => {
    issuer = await startIssuer()
  })
  afterAll(() => issuer.close())
  const asked = () => ({ keys: issuer.fetches, discovery: issuer.discoveries })
  /** The answer to a question about `GET /courses`, and how often the issuer was asked for it. */
  async function outcome(options: Partial<ExplainOptions>) {
    const { file: path } = policyFileOf(issuer.url)
    const before = asked()
    const { status, answer } = await json('GET', 'http://grades.test/courses', options, path)
    const { keys, discovery } = asked()
    const fetches = [discovery - before.discovery, keys - before.keys]
    return { status, code: answer.code, principal: answer.principal, fetches }
  }

  test('--token verifies with the keys of the issuer', async () => {
    expect(await outcome({ token: issuer.token() })).toEqual({
      status: 0,
      code: null,
      principal: 'user',
      fetches: [1, 1],
    })
  })
  const refused: readonly (readonly [code: string, token: () => string, fetches: number[]])[] = [
    ['token_signature', () => issuer.token().slice(0, -8).concat('AAAAAAAA'), [1, 1]],
    ['token_key_unknown', () => issuer.token({}, { header: { kid: 'other' } }), [1, 1]],
    ['token_expired', () => issuer.token({ iat: 1, nbf: 1, exp: 2 }), [0, 0]],
    ['token_audience', () => issuer.token({ aud: 'other' }), [0, 0]],
    ['token_malformed', () => 'no.token.here', [0, 0]],
    ['token_opaque', () => USER_ID, [0, 0]],
  ]
  test.for(refused)('%s', async ([code, token, fetches]) => {
    expect(await outcome({ token: token() })).toEqual({ status: 1, code, principal: null, fetches })
  })
  test('keys_unavailable, while the issuer is away', async () => {
    issuer.fail = 'down'
    const { status, code } = await outcome({ token: issuer.token() })
    issuer.fail = undefined
    expect({ status, code }).toEqual({ status: 1, code: 'keys_unavailable' })
  })
  test('--claims asks nobody', async () => {
    expect(await outcome({ claims: USER })).toEqual({
      status: 0,
      code: null,
      principal: 'user',
      fetches: [0, 0],
    })
  })
  test('without either it asks nobody', async () => {
    expect(await outcome({})).toMatchObject({ code: 'token_missing', fetches: [0, 0] })
  })
})

const files = new Map<string, { readonly file: string }>()
function policyFileOf(issuer: string): { readonly file: string } {
  const known = files.get(issuer) ?? policyFile(policy(issuer))
  files.set(issuer, known)
  return known
}

describe('explain as a process', () => {
  test('reads config/gateway.yaml where no file is named, and ends with 0', async () => {
    const args = ['explain', 'GET', '/courses', '--claims', USER, '--json']
    const env = { GRADES_PASSWORD: 'geheim', FORCE_COLOR: '1', NO_COLOR: '' }
    const { code, stdout, stderr } = await cli(args, { env })
    const { decision, route, line } = JSON.parse(stdout)
    const lines = readFileSync(join(ROOT, 'config/gateway.yaml'), 'utf8').split('\n')
    expect({ code, stderr, decision, route, line }).toEqual({
      code: 0,
      stderr: '',
      decision: 'allow',
      route: 'GET /courses',
      line: lines.findIndex(text => text.includes('GET /courses:')) + 1,
    })
    expect(stdout).not.toContain('geheim')
  })
  test('takes a file, and ends with 1 where the answer is no', async () => {
    const args = ['explain', file, 'GET', '/courses', '-H', 'Accept: a', '--header', 'X-B: c']
    const { code, stdout, stderr } = await cli(args, { env: { FORCE_COLOR: '1', NO_COLOR: '' } })
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: [
        'deny   401 token_missing: Send a JWT from Feide token exchange as `Authorization: Bearer <token>`',
        `route  GET /courses  (${file}:12, data source grades)`,
        'asks   read',
        '  12 |       GET /courses: { scopes: [read] }',
        '     |                               ^^^^^^',
        'help   add --token, or --claims to try one that does not exist',
        '',
      ].join('\n'),
      stderr: '',
    })
  })
})

describe('a route that is not enforced', () => {
  const loose = policyFile(
    policy('https://issuer.invalid').replace(
      'scopes: [read] }',
      'scopes: [read], enforce: false }',
    ),
  ).file
  const lacking = JSON.stringify({ sub: 'u', client_id: 'c', scope: 'raed' })

  test('shows in JSON what the request would have been refused for, and what the API sees', async () => {
    const { status, answer } = await json('GET', '/courses', { claims: lacking }, loose)
    const { decision, code, shadow, upstream } = answer
    expect({ status, decision, code, shadow, last: upstream.headers.at(-1) }).toEqual({
      status: 0,
      decision: 'allow',
      code: null,
      shadow: 'scope_missing',
      last: ['X-Gateway-Shadow', 'scope_missing'],
    })
  })
  test('shows in text the line, and what would help', async () => {
    const { out } = await said('GET', '/courses', { claims: lacking }, loose)
    expect(out.slice(0, 7)).toEqual([
      'allow',
      'shadow scope_missing: This route asks for: read',
      `route  GET /courses  (${loose}:12, data source grades)`,
      'asks   read (not enforced)',
      'token  a user, client c, scopes: raed',
      '  12 |       GET /courses: { scopes: [read], enforce: false }',
      '     |                               ^^^^^^',
    ])
    expect(out[7]).toMatch(/^help {3}the token has `raed`, not `read`/)
  })
  test('marks nobody who has what it asks for', async () => {
    const { answer } = await json('GET', '/courses', { claims: USER }, loose)
    expect([answer.shadow, answer.upstream.headers.at(-1)?.[0]]).toEqual([null, 'Authorization'])
  })
})
