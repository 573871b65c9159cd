import { describe, expect, test } from 'vitest'
import { AUDIENCE } from '../support/issuer.ts'
import type { HeaderList } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { stage } from './stage.ts'

const sources = (url: string): Record<string, object> => ({
  grades: {},
  basic: {
    upstream: { url, credentials: { basic: { username: 'dataporten', password: 'på:ss' } } },
  },
  bearer: { upstream: { url, credentials: { bearer: 'static-token' } } },
  forward: { upstream: { url, credentials: 'forward' } },
  preserve: { upstream: { url, host: 'preserve' } },
  renamed: { upstream: { url, host: 'legacy.example.no' } },
})
const on = stage(({ url }) => ({
  dataSources: Object.fromEntries(
    Object.entries(sources(url)).map(([id, more]) => [
      id,
      {
        audience: AUDIENCE,
        hosts: [id],
        upstream: { url },
        routes: { 'GET /me': 'authenticated', 'ANY /health': 'public' },
        ...more,
      },
    ]),
  ),
}))

describe('credentials of the upstream', () => {
  const basic = `Basic ${Buffer.from('dataporten:på:ss').toString('base64')}`
  const PREFLIGHT: HeaderList = [
    ['Origin', 'https://app.example.no'],
    ['Access-Control-Request-Method', 'GET'],
  ]

  test.each([
    ['grades', []],
    ['basic', [basic]],
    ['bearer', ['Bearer static-token']],
  ])('%s come with every token', async (host, expected) => {
    const token = on.issuer.token()
    const guarded = await on.passed({ host, target: '/me', token })
    const open = await on.passed({ host, target: '/health', token })
    const system = await on.passed({ host, target: '/me', token: on.issuer.systemToken() })
    expect([guarded, open, system].map(seen => headerOf(seen, 'authorization'))).toEqual([
      expected,
      expected,
      expected,
    ])
  })

  test('forward sends on the token, byte for byte, also one that is remembered', async () => {
    const tokens = [on.issuer.token(), on.issuer.token({ jti: 'another' })]
    for (const token of [...tokens, ...tokens]) {
      const seen = await on.passed({ host: 'forward', target: '/me', token })
      expect(headerOf(seen, 'authorization')).toEqual([`Bearer ${token}`])
    }
  })

  test.each(['grades', 'basic', 'bearer', 'forward'])(
    '%s sends none without a token, whatever the caller sends',
    async host => {
      const other: HeaderList = [['Authorization', 'Basic Zm9yZ2Vk']]
      const open = { host, target: '/health' }
      const none = await on.passed(open)
      const foreign = await on.passed({ ...open, headers: other })
      const preflight = await on.passed({
        host,
        method: 'OPTIONS',
        target: '/me',
        headers: [...PREFLIGHT, ...other],
      })
      const seen = [none, foreign, preflight].map(request => headerOf(request, 'authorization'))
      expect(seen).toEqual([[], [], []])
    },
  )

  test('forward sends no token with a preflight', async () => {
    const token = on.issuer.token()
    const parts = { host: 'forward', method: 'OPTIONS', target: '/me', headers: PREFLIGHT, token }
    expect(headerOf(await on.passed(parts), 'authorization')).toEqual([])
  })
})

describe('Host', () => {
  test('is the upstream’s', async () => {
    const seen = await on.passed({ host: 'grades', target: '/health' })
    expect(headerOf(seen, 'host')).toEqual([`127.0.0.1:${on.upstream.port}`])
  })

  test.each(['preserve', 'PREserve:8443', 'preserve.'])('is the caller’s: %s', async host => {
    expect(headerOf(await on.passed({ host, target: '/health' }), 'host')).toEqual([host])
  })

  test('is a fixed name', async () => {
    const seen = await on.passed({ host: 'renamed', target: '/health' })
    expect(headerOf(seen, 'host')).toEqual(['legacy.example.no'])
  })
})
