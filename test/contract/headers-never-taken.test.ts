import { describe, expect, test } from 'vitest'
import type { HeaderList } from '../support/raw.ts'
import { headerOf, type UpstreamRequest } from '../support/upstream.ts'
import { headerStage } from './headers-stage.ts'

const on = headerStage()

/** Every character that a field name may have besides letters, digits and `-`. */
const MARKS = [..."_.!#$%&'*+^`|~"]
const FORGED = 'forged'
const forgedIn = (seen: UpstreamRequest) => seen.headers.filter(([, value]) => value === FORGED)

describe('names that are never taken from a caller', () => {
  const values = (names: string[]): HeaderList => names.map(name => [name, FORGED])

  test.each([
    ['that override the method', ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']],
    ['in any case', ['x-http-METHOD-override', 'PROXY-authorization', 'x-real-ip']],
    ['for proxies', ['Proxy-Authorization', 'Forwarded', 'X-Real-IP']],
    ['that say who forwarded', ['X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-User']],
    ['of forwarding that the gateway sets itself', ['X-Forwarded-For', 'X-Forwarded-Proto']],
    ['for the host of a forwarder', ['X-Forwarded-Host', 'X-Forwarded-Server', 'X-Forwarded-']],
    ['of one hop', ['Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'HTTP2-Settings']],
    ['with unusual characters', MARKS.map(mark => `X${mark}Custom`)],
    ['that only a fold makes unusual', ['X_Real_IP', 'X_Forwarded_For', 'Content_Type', 'Host_']],
  ])('%s: %j', async (_, names) => {
    for (const target of ['/courses', '/health']) {
      const seen = await on.passed({ target, headers: values(names), token: on.issuer.token() })
      expect(forgedIn(seen)).toEqual([])
    }
  })

  test('Expect', async () => {
    const headers: HeaderList = [
      ['Expect', '100-continue'],
      ['Content-Length', '2'],
    ]
    const seen = await on.passed({ method: 'POST', target: '/health', headers, body: 'ok' })
    expect(headerOf(seen, 'expect')).toEqual([])
  })

  test.each([
    ['with a good token', () => on.issuer.token()],
    ['with other credentials', () => undefined],
  ])('Authorization %s', async (_, token) => {
    const bearer = token()
    const headers: HeaderList = bearer === undefined ? [['Authorization', 'Basic Zm9yZ2Vk']] : []
    const seen = await on.passed({ target: '/health', headers, token: bearer })
    expect(headerOf(seen, 'authorization')).toEqual([])
  })

  test('the token goes nowhere else either', async () => {
    const token = on.issuer.token()
    const seen = await on.passed({ target: '/courses', token })
    expect(seen.raw).not.toContain(token.slice(0, 30))
  })

  test('names that only look alike pass', async () => {
    const alike: HeaderList = [
      ['X-Dataporten', FORGED],
      ['XDataporten-Userid', FORGED],
      ['X-Dataportens-Userid', FORGED],
      ['X-Feides', FORGED],
      ['Dataporten-Userid', FORGED],
      ['X-X-Dataporten-Userid', FORGED],
      ['X-User-Names', FORGED],
      ['X-HTTP-Methods', FORGED],
    ]
    const seen = await on.passed({ target: '/health', headers: alike })
    expect(forgedIn(seen)).toEqual(alike)
  })
})

describe('headers.allow', () => {
  test('lets names with unusual characters pass as they came, in any case', async () => {
    const headers: HeaderList = [
      ['api_key', 'one'],
      ['API_KEY', 'two'],
      ['x.trace', 'three'],
    ]
    const seen = await on.passed({ target: '/health', headers })
    expect(seen.headers.filter(([name]) => /[_.]/.test(name))).toEqual(headers)
  })

  test.each(['other_key', 'api.key', 'api_key_', 'api__key', '_api_key'])(
    'does not let %s pass',
    async name => {
      const seen = await on.passed({ target: '/health', headers: [[name, FORGED]] })
      expect(forgedIn(seen)).toEqual([])
    },
  )

  test.each([
    ['x_dataporten_userid', 'an identity header'],
    ['X_Remote_User', 'a header that this data source strips'],
    ['Remote_User', 'a header that another data source strips'],
  ])('never lets %s pass, which folds into %s', async name => {
    const seen = await on.passed({ target: '/health', headers: [[name, FORGED]] })
    expect(forgedIn(seen)).toEqual([])
  })

  test('counts for its own data source alone', async () => {
    const parts = { host: 'exams.example.no', target: '/exams' }
    const seen = await on.passed({ ...parts, headers: [['api_key', FORGED]] })
    expect(forgedIn(seen)).toEqual([])
  })
})
