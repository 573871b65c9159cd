import { describe, expect, test } from 'vitest'
import { type Answer, valuesOf } from '../support/raw.ts'
import { refused, stage } from './stage.ts'

/** Each route asks for a scope of its own, so that the refusal names the route that decided. */
const ROUTES = {
  'GET /**': 'rest',
  'GET /courses/{id}/**': 'course-rest',
  'GET /courses/{id}': 'course',
  'GET /courses': 'courses',
  'GET /courses/': 'courses-slash',
  'GET /courses/new': 'course-new',
  'POST /courses/{id}': 'course-post',
  'GET /courses/{id}/grades': 'grades',
  'GET /courses/new/{part}': 'new-part',
  'GET /files/{name}': 'file',
  'GET /files/**': 'files',
  'GET /files/public/**': 'files-public',
  'GET /{kind}/list': 'kind-list',
  'GET /.well-known/{name}': 'well-known',
  'GET /reports/{id}': 'report',
  'ANY /reports/{id}': 'report-any',
  'ANY /reports/yearly': 'yearly-any',
  'POST,PUT /reports/{id}/rows': 'rows',
  'GET /heads/plain': 'head-get',
  'GET /heads/{name}': 'heads-get',
  'HEAD /heads/{other}': 'heads-head',
  'HEAD /heads/**': 'heads-rest',
  'GET /heads/{name}/deep': 'deep-get',
  'PROPFIND /dav/**': 'dav',
}

const access = (routes: object) =>
  Object.fromEntries(Object.entries(routes).map(([key, scope]) => [key, { scopes: [scope] }]))
const ordered = (entries: [string, string][]) => ({
  dataSources: { grades: { routes: access(Object.fromEntries(entries)) } },
})

/** The scope that a refusal asks for; the status where it does not ask for one. */
function decidedBy(answer: Answer): string | number {
  const [challenge = ''] = valuesOf(answer, 'www-authenticate')
  return /scope="([^"]*)"/.exec(challenge)?.[1] ?? answer.status
}

const DECISIONS: [method: string, path: string, decision: string | number][] = [
  ['GET', '/', 'rest'],
  ['GET', '/courses', 'courses'],
  ['GET', '/courses/', 'courses-slash'],
  ['GET', '/courses/7', 'course'],
  ['GET', '/courses/7/', 'course-rest'],
  ['GET', '/courses/new', 'course-new'],
  ['GET', '/courses/new/', 'course-rest'],
  ['GET', '/courses/newer', 'course'],
  ['GET', '/courses/New', 'course'],
  ['GET', '/Courses', 'rest'],
  ['GET', '/COURSES/7', 'rest'],
  ['GET', '/coursesx', 'rest'],
  ['GET', '/courses/7/grades', 'grades'],
  ['GET', '/courses/7/grades/', 'course-rest'],
  ['GET', '/courses/7/grades/1', 'course-rest'],
  ['GET', '/courses/new/grades', 'new-part'],
  ['GET', '/courses/new/a/b', 'course-rest'],
  ['GET', '/courses/a%20b', 'course'],
  ['GET', '/courses/%6Eew', 'course-new'],
  ['GET', '/%63ourses/7', 'course'],
  ['GET', '/courses/*', 'course'],
  ['GET', '/courses/**', 'course'],
  ['GET', '/files', 'files'],
  ['GET', '/files/', 'files'],
  ['GET', '/files/a', 'file'],
  ['GET', '/files/a/b/c', 'files'],
  ['GET', '/files/public', 'files-public'],
  ['GET', '/files/public/', 'files-public'],
  ['GET', '/files/public/a', 'files-public'],
  ['GET', '/files/publicity', 'file'],
  ['GET', '/files/list', 'file'],
  ['GET', '/filesystem', 'rest'],
  ['GET', '/films/list', 'kind-list'],
  ['GET', '/films/list/', 'rest'],
  ['GET', '/films', 'rest'],
  ['GET', '/.well-known/webfinger', 'well-known'],
  ['POST', '/courses/new', 'course-post'],
  ['GET', '/reports/7', 'report'],
  ['POST', '/reports/7', 'report-any'],
  ['OPTIONS', '/reports/7', 'report-any'],
  ['GET', '/reports/yearly', 'yearly-any'],
  ['DELETE', '/reports/yearly', 'yearly-any'],
  ['PATCH', '/reports/yearly', 'yearly-any'],
  ['POST', '/reports/7/rows', 'rows'],
  ['PUT', '/reports/7/rows', 'rows'],
  ['PATCH', '/reports/7/rows', 405],
  ['HEAD', '/courses/7', 'course'],
  ['HEAD', '/reports/7', 'report'],
  ['HEAD', '/heads/a', 'heads-head'],
  ['HEAD', '/heads/plain', 'head-get'],
  ['GET', '/heads/a', 'heads-get'],
  ['HEAD', '/heads/a/deep', 'deep-get'],
  ['HEAD', '/heads/a/b/c', 'heads-rest'],
  ['PROPFIND', '/dav/a', 'dav'],
  ['PROPFIND', '/courses', 405],
]

describe.each([
  ['as written', Object.entries(ROUTES)],
  ['in reverse', Object.entries(ROUTES).reverse()],
  ['sorted by name', Object.entries(ROUTES).sort()],
])('routes %s: the most specific decides', (_, entries) => {
  const on = stage(ordered(entries))

  test.each(DECISIONS)('%s %s is decided by %s', async (method, target, decision) => {
    const token = on.issuer.token({ scope: undefined })
    const { answer, seen } = await on.exchange({ method, target, token })
    expect({ decision: decidedBy(answer), seen }).toEqual({ decision, seen: [] })
  })
})

describe('what a pattern takes', () => {
  const { outcome } = stage({
    dataSources: {
      grades: {
        routes: {
          'GET /courses': 'public',
          'GET /courses/{id}': 'public',
          'GET /slash/': 'public',
          'GET /a/{x}/c/{y}': 'public',
          'GET /admin/**': 'public',
          'GET /deep/{x}/**': 'public',
          'GET /+plus/a.b/(c)': 'public',
        },
      },
    },
  })

  test.each([
    '/courses',
    '/courses/7',
    '/courses/7.json',
    '/courses/...',
    '/courses/.hidden',
    '/courses/{id}'.replace(/[{}]/g, '~'),
    "/courses/-._~!$&'()*+,=:@",
    '/slash/',
    '/a/1/c/2',
    '/admin',
    '/admin/',
    '/admin/a',
    '/admin/a/',
    '/admin/a/b/c/d/e/f/g',
    '/deep/1',
    '/deep/1/',
    '/deep/1/2/3',
    '/+plus/a.b/(c)',
  ])('%s is taken', async target => {
    expect(await outcome({ target })).toEqual({ status: 200, sent: [`GET ${target}`] })
  })

  test.each([
    ['/', 'nothing has the root'],
    ['/courses/', 'a trailing slash counts, and a name takes no empty segment'],
    ['/courses/7/', 'a trailing slash counts'],
    ['/courses/7/x', 'a name takes one segment'],
    ['/Courses', 'case counts'],
    ['/course', 'a part of a literal is none'],
    ['/coursesx', 'more than a literal is none'],
    ['/slash', 'a trailing slash counts'],
    ['/a/1/c', 'every segment counts'],
    ['/a/1/c/', 'a last name takes no empty segment'],
    ['/a/1/d/2', 'literals after a name count'],
    ['/administrator', 'a rest begins at a slash'],
    ['/admin%20', 'an encoded space is a character like another'],
    ['/adminx/a', 'a rest begins at a slash'],
    ['/x/admin/a', 'a pattern begins at the start'],
    ['/deep', 'a name before a rest must be there'],
    ['/deep/', 'a name before a rest takes no empty segment'],
    ['/+plus/aXb/(c)', 'a dot is a dot'],
    ['/pplus/a.b/(c)', 'a plus is a plus'],
    ['/constructor', 'names that objects have are none'],
    ['/courses?x=/../admin/a'.replace('courses', 'nothing'), 'the query takes no part'],
  ])('%s is not: %s', async target => {
    expect(await outcome({ target })).toEqual(refused(404, 'route_unknown'))
  })
})

describe('a rest at the root', () => {
  const { outcome } = stage({ dataSources: { grades: { routes: { 'GET /**': 'public' } } } })

  test.each(['/', '/a', '/a/', '/a/b'])('takes %s', async target => {
    expect(await outcome({ target })).toEqual({ status: 200, sent: [`GET ${target}`] })
  })
})

describe('paths.case: insensitive', () => {
  const { outcome } = stage({
    dataSources: {
      grades: {
        paths: { case: 'insensitive' },
        routes: { 'GET /Courses/{id}/Grades': 'public', 'GET /admin/**': { scopes: ['admin'] } },
      },
    },
  })

  test.each(['/Courses/7/Grades', '/courses/7/grades', '/COURSES/AbC/gRADES'])(
    '%s is taken, and sent on as it came',
    async target => {
      expect(await outcome({ target })).toEqual({ status: 200, sent: [`GET ${target}`] })
    },
  )

  test.each(['/admin', '/ADMIN/x', '/aDmIn/', '/%41dmin/x'])('%s is guarded', async target => {
    expect(await outcome({ target })).toEqual(refused(401, 'token_missing'))
  })
})
