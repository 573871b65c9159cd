import { describe, expect, test } from 'vitest'
import { AUDIENCE } from '../support/issuer.ts'
import { valuesOf } from '../support/raw.ts'
import { headerOf, type Upstream } from '../support/upstream.ts'
import { refused, stage } from './stage.ts'

const OTHER = 'https://n.feide.no/datasources/5c2b0f5c-6a09-4d3c-8f0e-5a2a3f5d3b11'

/** Each data source has its own base path at the upstream, which tells them apart. */
const named = (upstream: Upstream) => ({
  dataSources: {
    grades: {
      hosts: ['Grades.Example.no', 'second.example.no'],
      upstream: { url: `${upstream.url}/grades` },
      routes: { 'GET /health': 'public', 'GET /grades-only': 'public' },
    },
    'shared-a': {
      audience: AUDIENCE,
      hosts: ['shared.example.no'],
      upstream: { url: `${upstream.url}/a` },
      routes: {
        'GET /a': 'public',
        'GET /things/{id}': 'public',
        'POST /things/new': 'public',
        'GET /a/me': 'authenticated',
      },
    },
    'shared-b': {
      audience: OTHER,
      hosts: ['shared.example.no'],
      upstream: { url: `${upstream.url}/b` },
      routes: { 'GET /b': 'public', 'GET /things/new': 'public', 'GET /b/me': 'authenticated' },
    },
  },
})

const withHostless = (upstream: Upstream) => ({
  dataSources: {
    ...named(upstream).dataSources,
    anywhere: {
      audience: AUDIENCE,
      upstream: { url: `${upstream.url}/any` },
      routes: { 'GET /health': 'public', 'GET /anywhere-only': 'public' },
    },
    'anywhere-too': {
      audience: AUDIENCE,
      upstream: { url: `${upstream.url}/too` },
      routes: { 'GET /too': 'public' },
    },
  },
})

describe('the host chooses the data source', () => {
  const { outcome } = stage(withHostless)

  test.each([
    ['the name itself', 'grades.example.no', '/grades/health'],
    ['another name of the same data source', 'second.example.no', '/grades/health'],
    ['the name in any case', 'GRADES.eXample.NO', '/grades/health'],
    ['the name with a port', 'grades.example.no:8443', '/grades/health'],
    ['the name with the default port', 'grades.example.no:80', '/grades/health'],
    ['the name with a trailing dot', 'grades.example.no.', '/grades/health'],
    ['the name with a trailing dot and a port', 'grades.example.no.:443', '/grades/health'],
    ['a name that nobody has', 'nobody.example.no', '/any/health'],
    ['a name that only ends alike', 'xgrades.example.no', '/any/health'],
    ['a subdomain', 'sub.grades.example.no', '/any/health'],
    ['the parent domain', 'example.no', '/any/health'],
    ['an IPv4 address', '127.0.0.1:8080', '/any/health'],
    ['an IPv6 address', '[::1]:8080', '/any/health'],
    ['a name that objects have', 'constructor', '/any/health'],
    ['another name that objects have', '__proto__', '/any/health'],
  ])('%s: %s', async (_, host, target) => {
    const expected = { status: 200, sent: [`GET ${target}`] }
    expect(await outcome({ target: '/health', host })).toEqual(expected)
  })

  test.each([
    ['a named host does not fall back to the hostless', 'grades.example.no', '/anywhere-only'],
    ['an unnamed host has no route of a named one', 'nobody.example.no', '/grades-only'],
    ['a shared host has no route of the others', 'shared.example.no', '/health'],
  ])('%s', async (_, host, target) => {
    expect(await outcome({ target, host })).toEqual(refused(404, 'route_unknown'))
  })

  test('hostless data sources share one table', async () => {
    expect(await outcome({ target: '/too', host: 'nobody.example.no' })).toEqual({
      status: 200,
      sent: ['GET /too/too'],
    })
  })
})

describe('data sources of one host share one table of routes', () => {
  const shared = stage(named)
  const host = 'shared.example.no'

  test.each([
    ['a route of the first', 'GET', '/a', '/a/a'],
    ['a route of the second', 'GET', '/b', '/b/b'],
    ['the less specific of one', 'GET', '/things/7', '/a/things/7'],
    ['the more specific of the other', 'GET', '/things/new', '/b/things/new'],
    ['another method of the same path', 'POST', '/things/new', '/a/things/new'],
  ])('%s: %s %s', async (_, method, target, sent) => {
    expect(await shared.outcome({ method, target, host })).toEqual({
      status: 200,
      sent: [`${method} ${sent}`],
    })
  })

  test('a refused method lists the methods of both', async () => {
    const parts = { method: 'DELETE', target: '/things/new', host }
    const { answer } = await shared.exchange(parts)
    const allow = valuesOf(answer, 'allow').join().split(/, */).sort()
    expect({ status: answer.status, allow }).toEqual({
      status: 405,
      allow: ['GET', 'HEAD', 'POST'],
    })
  })

  test.each([
    ['the first takes its own audience', '/a/me', AUDIENCE, 'shared-a'],
    ['the second takes its own audience', '/b/me', OTHER, 'shared-b'],
  ])('%s and says so to its upstream', async (_, target, aud, gatekeeper) => {
    const seen = await shared.passed({ target, host, token: shared.issuer.token({ aud }) })
    expect(headerOf(seen, 'x-dataporten-gatekeeper')).toEqual([gatekeeper])
  })

  test.each([
    ['/a/me', OTHER],
    ['/b/me', AUDIENCE],
  ])('%s refuses the audience of its neighbour', async (target, aud) => {
    const parts = { target, host, token: shared.issuer.token({ aud }) }
    expect(await shared.outcome(parts)).toEqual(refused(401, 'token_audience'))
  })

  test.each([
    ['a host that no data source names', 'nobody.example.no'],
    ['the name with something before it', 'x.shared.example.no'],
    ['an address', '127.0.0.1'],
  ])('%s is unknown when every data source names its hosts', async (_, other) => {
    expect(await shared.outcome({ target: '/a', host: other })).toEqual(
      refused(404, 'host_unknown'),
    )
  })
})
