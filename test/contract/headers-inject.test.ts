import { describe, expect, test } from 'vitest'
import { AUDIENCE } from '../support/issuer.ts'
import { headerOf } from '../support/upstream.ts'
import { codeOf, refused, stage } from './stage.ts'

const ENCODINGS = ['ascii', 'percent', 'base64url', 'utf8'] as const
type Encoding = (typeof ENCODINGS)[number]
const OBJECT_NAMES = ['constructor', '__proto__', 'toString', 'hasOwnProperty']

const inject = (encoding: Encoding) => ({ 'X-Value': { claim: 'value', encoding } })
const on = stage(upstream => ({
  dataSources: Object.fromEntries(
    [
      ...ENCODINGS.map(encoding => [encoding, { headers: { inject: inject(encoding) } }] as const),
      ['unsaid', { headers: { inject: { 'X-Value': { claim: 'value' } } } }] as const,
      [
        'long',
        { headers: { inject: { 'X-Value': { claim: 'https://n.feide.no/claims/x.y' } } } },
      ] as const,
      [
        'objects',
        {
          headers: {
            inject: Object.fromEntries(
              OBJECT_NAMES.map((claim, index) => [`X-Object-${index}`, { claim }]),
            ),
          },
        },
      ] as const,
      ['bare', { headers: { profile: 'none', inject: inject('ascii') } }] as const,
      ['grades', {}] as const,
    ].map(([id, more]) => [
      id,
      {
        audience: AUDIENCE,
        hosts: [id],
        upstream: { url: upstream.url },
        routes: { 'GET /me': 'authenticated', 'GET /health': 'public' },
        ...more,
      },
    ]),
  ),
}))
const valueSeen = async (host: string, value: unknown) => {
  const token = on.issuer.token({ value })
  return headerOf(await on.passed({ host, target: '/me', token }), 'x-value')
}

describe('a claim is injected', () => {
  const latin1 = (text: string) => Buffer.from(text).toString('latin1')
  const b64 = (text: string) => Buffer.from(text).toString('base64url')

  test.each<[Encoding, unknown, string[]]>([
    ['ascii', 'Kari Nordmann', ['Kari Nordmann']],
    ['ascii', 'Nordmann, Kari', ['Nordmann, Kari']],
    ['ascii', '!"#$%&\'()*+-./:;<=>?@[\\]^_`{|}~', ['!"#$%&\'()*+-./:;<=>?@[\\]^_`{|}~']],
    ['ascii', 'a  b', ['a  b']],
    ['ascii', 0, ['0']],
    ['ascii', 42, ['42']],
    ['ascii', -1.5, ['-1.5']],
    ['ascii', true, ['true']],
    ['ascii', false, ['false']],
    ['ascii', ['a', 'b c'], ['a,b c']],
    ['ascii', ['b', 'a', 'b'], ['b,a,b']],
    ['ascii', ['a', 1, true], ['a,1,true']],
    ['ascii', null, []],
    ['ascii', undefined, []],
    ['ascii', [], []],
    ['ascii', '', []],
    ['percent', 'Kari Nordmann', ['Kari%20Nordmann']],
    ['percent', 'Åse Ødegård', ['%C3%85se%20%C3%98deg%C3%A5rd']],
    ['percent', 'AZaz09-._~', ['AZaz09-._~']],
    ['percent', "!'()*:/?%", ['%21%27%28%29%2A%3A%2F%3F%25']],
    ['percent', 'a\r\nX-Dataporten-Userid: b', ['a%0D%0AX-Dataporten-Userid%3A%20b']],
    ['percent', ' \u0000\u{1F600} ', ['%20%00%F0%9F%98%80%20']],
    ['percent', ['a,b', 'ø'], ['a%2Cb,%C3%B8']],
    ['percent', [1, false], ['1,false']],
    ['percent', 7, ['7']],
    ['percent', null, []],
    ['percent', [], []],
    ['percent', '', []],
    ['base64url', 'Kari', [b64('Kari')]],
    ['base64url', 'Åse\r\n\u{1F600},', [b64('Åse\r\n\u{1F600},')]],
    ['base64url', ['a,b', 'ø'], [`${b64('a,b')},${b64('ø')}`]],
    ['base64url', 42, [b64('42')]],
    ['base64url', true, [b64('true')]],
    ['base64url', null, []],
    ['base64url', [], []],
    ['base64url', '', []],
    ['utf8', 'Åse Ødegård', [latin1('Åse Ødegård')]],
    ['utf8', 'Łukasz \u{1F600}', [latin1('Łukasz \u{1F600}')]],
    ['utf8', 'Nordmann, Kåre', [latin1('Nordmann, Kåre')]],
    ['utf8', ['ø', 'å', 3], [latin1('ø,å,3')]],
    ['utf8', null, []],
    ['utf8', [], []],
    ['utf8', '', []],
  ])('%s of %j is %j', async (encoding, value, values) => {
    expect(await valueSeen(encoding, value)).toEqual(values)
  })

  test('as ascii where the encoding is not said', async () => {
    expect(await valueSeen('unsaid', 'Kari')).toEqual(['Kari'])
  })

  test('under any name', async () => {
    const token = on.issuer.token({ 'https://n.feide.no/claims/x.y': 'z' })
    const seen = await on.passed({ host: 'long', target: '/me', token })
    expect(headerOf(seen, 'x-value')).toEqual(['z'])
  })

  test('but not from what every object has', async () => {
    const seen = await on.passed({ host: 'objects', target: '/me', token: on.issuer.token() })
    const values = OBJECT_NAMES.map((_, index) => headerOf(seen, `x-object-${index}`))
    expect(values).toEqual(OBJECT_NAMES.map(() => []))
  })

  test('with the profile none as well', async () => {
    expect(await valueSeen('bare', 'Kari')).toEqual(['Kari'])
  })

  test('of a system too', async () => {
    const token = on.issuer.systemToken({ value: 'Robot' })
    const seen = await on.passed({ host: 'ascii', target: '/me', token })
    expect(headerOf(seen, 'x-value')).toEqual(['Robot'])
  })

  test('never without a token, and never from the caller', async () => {
    const headers = { 'X-Value': 'forged', 'x-VALUE': 'forged' }
    const seen = await on.passed({ host: 'ascii', target: '/health', headers })
    expect(headerOf(seen, 'x-value')).toEqual([])
  })
})

describe('a value that cannot be written safely fails the request', () => {
  const CONTROLS = ['\r', '\n', '\r\n', '\0', '\t', '\u001f', '\u007f', '\u001b']
  const ENDS = [' a', 'a ', '\ta', 'a\n', ' ']
  const ALWAYS = [{ a: 1 }, {}, [['a']], [null], ['a', null], [{ a: 1 }], ['a', []]]
  const LONE = ['\ud800', 'a\udc00b', ['\ud83d']]
  const rows: [Encoding, unknown][] = [
    ...(['ascii', 'utf8'] as const).flatMap(encoding => [
      ...CONTROLS.map((control): [Encoding, unknown] => [encoding, `a${control}b`]),
      ...CONTROLS.map((control): [Encoding, unknown] => [encoding, ['x', `a${control}b`]]),
      ...ENDS.map((value): [Encoding, unknown] => [encoding, value]),
      ...ENDS.map((value): [Encoding, unknown] => [encoding, [value]]),
      [encoding, ['a,b']] as [Encoding, unknown],
      [encoding, ['a', 'b,c']] as [Encoding, unknown],
    ]),
    ...['ø', '\u0080', '\u0141', '\u{1F600}', ['a', 'ø']].map((value): [Encoding, unknown] => [
      'ascii',
      value,
    ]),
    ...ENCODINGS.flatMap(encoding =>
      [...ALWAYS, ...LONE].map((value): [Encoding, unknown] => [encoding, value]),
    ),
  ]

  test.each(rows)('%s of %j', async (host, value) => {
    const parts = { host, target: '/me', token: on.issuer.token({ value }) }
    expect(await on.outcome(parts)).toEqual(refused(502, 'claim_unrepresentable'))
  })

  test('on a public route as well', async () => {
    const token = on.issuer.token({ value: 'a\r\nb' })
    const parts = { host: 'ascii', target: '/health', token }
    expect(await on.outcome(parts)).toEqual(refused(502, 'claim_unrepresentable'))
  })

  test('and is logged and answered without the value', async () => {
    const value = 'Sensitive-Nordmann\u0007'
    const token = on.issuer.token({ value })
    const { answer } = await on.exchange({ host: 'ascii', target: '/me', token })
    const requestId = JSON.parse(answer.body).requestId
    const line = await on.gateway.waitForLog(entry => entry.requestId === requestId)
    expect({
      code: codeOf(answer),
      logged: { code: line.code, decision: line.decision, status: line.status },
      said: answer.raw.includes('Sensitive'),
      leaked: on.gateway.logText.includes('Sensitive'),
    }).toEqual({
      code: 'claim_unrepresentable',
      logged: { code: 'claim_unrepresentable', decision: 'deny', status: 502 },
      said: false,
      leaked: false,
    })
  })
})
