import { describe, expect, test } from 'vitest'
import { type HeaderList, send, valuesOf } from '../support/raw.ts'
import { codeOf, identityOf, refused, stage } from './stage.ts'

const on = stage({
  dataSources: {
    grades: {
      routes: { 'GET /health': 'public', 'POST /health': 'public', 'GET /me': 'authenticated' },
    },
  },
})
const PASSED = { status: 200, sent: ['GET /health'] }
const target = '/health'

describe('the number of header fields', () => {
  /** With the `Host` that comes first. */
  const fields = (count: number, name = (index: number) => `X-Field-${index}`): HeaderList =>
    Array.from({ length: count - 1 }, (_, index) => [name(index), 'v'])

  test('100 pass, and the injected ones still arrive', async () => {
    const token = on.issuer.token()
    const headers = fields(99)
    const seen = await on.passed({ target: '/me', headers, token })
    expect({
      passed: seen.headers.filter(([name]) => name.startsWith('X-Field-')).length,
      identity: identityOf(seen).length,
    }).toEqual({ passed: 98, identity: 5 })
  })

  test('100 pass without a token', async () => {
    expect(await on.outcome({ target, headers: fields(100) })).toEqual(PASSED)
  })

  test.each([101, 102, 128, 200, 1000, 1999, 2000, 2001, 2500])('%d are refused', async count => {
    const outcome = await on.outcome({ target, headers: fields(count, index => `a${index}`) })
    expect(outcome).toEqual(refused(431, 'headers_too_many'))
  })

  test.each([
    ['with one name', () => 'Accept'],
    ['that would be dropped anyway', () => 'X_Dropped'],
    ['of Cookie', () => 'Cookie'],
    ['that are identity headers', () => 'X-Dataporten-Userid'],
  ])('101 %s are refused too', async (_, name) => {
    const outcome = await on.outcome({ target, headers: fields(101, name) })
    expect(outcome).toEqual(refused(431, 'headers_too_many'))
  })

  test('a Content-Length behind the limit does not hide a request', async () => {
    const inner = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'
    const headers = [...fields(2500), ['Content-Length', String(inner.length)]] as HeaderList
    const parts = { method: 'POST', target, headers, body: inner }
    expect(await on.outcome(parts, { settle: 50 })).toEqual(refused(431, 'headers_too_many'))
  })

  test('trailers count for nothing, and reach nobody', async () => {
    const trailers = Array.from({ length: 150 }, (_, index) => `X-T${index}: v\r\n`).join('')
    const headers: HeaderList = [['Transfer-Encoding', 'chunked']]
    const body = `2\r\nok\r\n0\r\n${trailers}\r\n`
    const { seen } = await on.exchange({ method: 'POST', target, headers, body })
    expect(seen.map(request => request.trailers).join('')).toBe('')
  })
})

const spread = (size: number): HeaderList =>
  Array.from({ length: 64 }, (_, index) => [`X-Part-${index}`, 'v'.repeat(size / 64 - 13)])

describe('the size of the header block', () => {
  const sized = (size: number): HeaderList => [['X-Large', 'v'.repeat(size)]]

  test.each([
    ['in one field', sized(32_000)],
    ['in many fields', spread(32_000)],
  ])('31 KiB %s pass', async (_, headers) => {
    expect(await on.outcome({ target, headers })).toEqual(PASSED)
  })

  test.each([
    ['33 KiB in one field', sized(33 * 1024)],
    ['33 KiB in many fields', spread(33.5 * 1024)],
    ['64 KiB', sized(64 * 1024)],
    ['1 MiB', spread(1024 * 1024)],
    ['a name of 40 KiB', [['X-'.padEnd(40 * 1024, 'n'), 'v']] as HeaderList],
  ])('%s are refused', async (_, headers) => {
    expect(await on.outcome({ target, headers })).toEqual(refused(431, 'headers_too_large'))
  })
})

describe('the size of the target', () => {
  const sized = (size: number, start = '/health?') => start.padEnd(size, 'q')

  test('16 KiB pass, together with a large header block', async () => {
    const long = sized(16 * 1024)
    const headers: HeaderList = [['X-Large', 'v'.repeat(31_000)]]
    expect(await on.outcome({ target: long, headers })).toEqual({
      status: 200,
      sent: [`GET ${long}`],
    })
  })

  test.each([
    ['one byte more', sized(16 * 1024 + 1)],
    ['one byte more in the path', sized(16 * 1024 + 1, '/')],
    ['32 KiB', sized(32 * 1024)],
    ['64 KiB', sized(64 * 1024)],
    ['1 MiB', sized(1024 * 1024)],
  ])('%s is refused', async (_, long) => {
    expect(await on.outcome({ target: long })).toEqual(refused(414, 'target_too_long'))
  })
})

describe('what comes in pieces', () => {
  const inPieces = (text: string) => text.match(/[\s\S]{1,8000}/g) ?? []
  const codeFor = async (text: string) => {
    const [answer] = await send(on.gateway.port, inPieces(text), { pause: 5 })
    return answer && codeOf(answer)
  }

  test('is measured as a whole: a target', async () => {
    const line = `GET /${'t'.repeat(80_000)} HTTP/1.1`
    expect(await codeFor(`${line}\r\nHost: x\r\n\r\n`)).toBe('target_too_long')
  })

  test('is measured as a whole: a header', async () => {
    const text = `GET /health HTTP/1.1\r\nHost: x\r\nX-A: ${'h'.repeat(80_000)}\r\n\r\n`
    expect(await codeFor(text)).toBe('headers_too_large')
  })
})

describe('a refusal by the parser', () => {
  test('is a problem answer like the others', async () => {
    const { answer } = await on.exchange({
      target,
      headers: spread(1024 * 1024),
    })
    const problem = JSON.parse(answer.body)
    expect({
      code: codeOf(answer),
      members: Object.keys(problem).sort(),
      store: valuesOf(answer, 'cache-control'),
      ids: valuesOf(answer, 'x-request-id'),
      closed: answer.closed,
    }).toEqual({
      code: 'headers_too_large',
      members: ['code', 'detail', 'requestId', 'status', 'title', 'type'],
      store: ['no-store'],
      ids: [problem.requestId],
      closed: true,
    })
  })
})
