import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { type HeaderList, request } from '../support/raw.ts'
import { headerOf, type UpstreamRequest } from '../support/upstream.ts'
import { stage } from './stage.ts'

const GIVEN: HeaderList = [
  ['X-Forwarded-For', '203.0.113.7, 198.51.100.2'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Host', 'public.example.no'],
  ['X-Forwarded-Port', '443'],
  ['X-Forwarded-Prefix', '/v1'],
  ['X-Real-IP', '203.0.113.7'],
  ['Forwarded', 'for=203.0.113.7;proto=https'],
]
const NAMES = GIVEN.map(([name]) => name.toLowerCase())
const forwarded = (seen: UpstreamRequest) =>
  Object.fromEntries(
    NAMES.map(name => [name, headerOf(seen, name)]).filter(([, values]) => values?.length),
  )
const OWN = {
  'x-forwarded-for': ['127.0.0.1'],
  'x-forwarded-proto': ['http'],
  'x-forwarded-host': ['gateway.test:8080'],
}
const ROUTES = { dataSources: { grades: { routes: { 'GET /health': 'public' } } } }
const parts = { target: '/health', host: 'gateway.test:8080' }

describe('without trustedProxies', () => {
  const on = stage(ROUTES)

  test('X-Forwarded-* tells of the connection', async () => {
    expect(forwarded(await on.passed(parts))).toEqual(OWN)
  })

  test('nobody is believed', async () => {
    expect(forwarded(await on.passed({ ...parts, headers: GIVEN }))).toEqual(OWN)
  })

  test('nobody is believed in any case', async () => {
    const headers: HeaderList = GIVEN.map(([name, value]) => [name.toUpperCase(), value])
    expect(forwarded(await on.passed({ ...parts, headers }))).toEqual(OWN)
  })
})

describe.each([
  ['an address', ['127.0.0.1']],
  ['a range', ['127.0.0.0/8']],
  ['one of several ranges', ['10.0.0.0/8', '2001:db8::/32', '127.0.0.0/30']],
  ['a range of everything', ['0.0.0.0/0']],
])('trustedProxies with %s', (_, trustedProxies) => {
  const on = stage({ trustedProxies, ...ROUTES })

  test('the proxy is believed, and its address put after what it says', async () => {
    expect(forwarded(await on.passed({ ...parts, headers: GIVEN }))).toEqual({
      ...Object.fromEntries(GIVEN.map(([name, value]) => [name.toLowerCase(), [value]])),
      'x-forwarded-for': ['203.0.113.7, 198.51.100.2, 127.0.0.1'],
    })
  })

  test('what it does not say is filled in', async () => {
    expect(forwarded(await on.passed(parts))).toEqual(OWN)
  })

  test('several X-Forwarded-For are one list', async () => {
    const headers: HeaderList = [
      ['X-Forwarded-For', '203.0.113.7'],
      ['x-forwarded-for', '198.51.100.2'],
    ]
    const values = headerOf(await on.passed({ ...parts, headers }), 'x-forwarded-for')
    const list = values.join(', ').split(/, */)
    expect(list).toEqual(['203.0.113.7', '198.51.100.2', '127.0.0.1'])
  })

  test('names that only fold into these are not taken', async () => {
    const folded = GIVEN.filter(([name]) => name.includes('-'))
    const headers: HeaderList = folded.map(([name, value]) => [name.replaceAll('-', '_'), value])
    const seen = await on.passed({ ...parts, headers })
    expect(seen.raw).not.toContain('203.0.113.7')
  })
})

describe.each([
  ['other addresses', ['127.0.0.2', '10.0.0.1']],
  ['other ranges', ['10.0.0.0/8', '128.0.0.0/1', '127.0.0.128/25']],
  ['IPv6 ranges', ['::1', '::/96', 'fe80::/10', '2001:db8::/32']],
  ['the address as a part of another', ['27.0.0.1', '127.0.0.10', '12.0.0.0/8']],
])('trustedProxies with %s', (_, trustedProxies) => {
  const on = stage({ trustedProxies, ...ROUTES })

  test('the caller is not believed', async () => {
    expect(forwarded(await on.passed({ ...parts, headers: GIVEN }))).toEqual(OWN)
  })
})

describe.each([
  ['an IPv6 address', ['::1'], '::1', true],
  ['an IPv6 address written long', ['0:0:0:0:0:0:0:1'], '::1', true],
  ['an IPv6 range', ['::/64'], '::1', true],
  ['another IPv6 range', ['2001:db8::/32'], '::1', false],
  ['an IPv4 range of everything', ['0.0.0.0/0'], '::1', false],
  ['an IPv4 range, on a socket for both', ['127.0.0.0/8'], '127.0.0.1', true],
  ['another IPv4 range, on a socket for both', ['10.0.0.0/8'], '127.0.0.1', false],
])('trustedProxies with %s', (_, trustedProxies, address, believed) => {
  const on = stage({ listen: '[::]:0', trustedProxies, ...ROUTES })

  test(`${address} is ${believed ? '' : 'not '}believed`, async () => {
    const headers: HeaderList = [
      ['X-Forwarded-For', '203.0.113.7'],
      ['Connection', 'close'],
    ]
    const socket = connect(on.gateway.port, address)
    socket.write(request({ ...parts, headers }))
    await text(socket)
    const values = on.upstream.requests.map(seen => headerOf(seen, 'x-forwarded-for'))
    expect(values).toEqual([[believed ? `203.0.113.7, ${address}` : address]])
  })
})
