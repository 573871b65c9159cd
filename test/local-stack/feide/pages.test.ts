import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRegister } from '../../../docker/local-stack/feide/register.ts'
import { startFeide } from '../../../docker/local-stack/feide.ts'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { authorize, choose, openLogin, POCKET, REQUEST, startDemo, ticketIn } from './support.ts'

let feide: Running
beforeAll(async () => {
  feide = await startDemo()
})
afterAll(() => feide.close())

const PAGES: readonly (readonly [string, number, () => Promise<Response>])[] = [
  ['the login page', 200, () => authorize(feide, REQUEST)],
  ['the error page', 400, () => authorize(feide, {})],
  ['the page of a spent ticket', 400, () => choose(feide, { ticket: 'spent', user: 'bjorn' })],
  ['the page for no such user', 400, async () => choose(feide, { ticket: await openLogin(feide) })],
  ['the home page', 200, () => fetch(feide.url)],
  ['the page for what is not there', 404, () => fetch(`${feide.url}/elsewhere`)],
]

describe.each(PAGES)('%s', (_, status, open) => {
  test('says first of all that this is a stand-in', async () => {
    const response = await open()
    const page = await response.text()
    expect(response.status).toBe(status)
    expect(page).toMatch(/<title>.+ – stand-in for Feide<\/title>/)
    const [first] = page.slice(page.indexOf('<body>') + 6).split('<main>')
    expect(first).toContain('This is a stand-in for Feide, not Feide itself.')
  })

  test('can be read without seeing it, and used without a mouse', async () => {
    const page = await (await open()).text()
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(page).toContain('<meta name="viewport"')
    expect(page.match(/<h1>/g)).toHaveLength(1)
    expect(page.match(/<main>/g)).toHaveLength(1)
    expect(page).toContain(':focus-visible { outline:')
    // Nothing that only a script or a pointer could work with.
    expect(page).not.toMatch(/<script| on\w+=|tabindex|autofocus|<a(?! href)/)
  })

  test('has no script and loads nothing, and no other site can frame it', async () => {
    const response = await open()
    const page = await response.text()
    const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    const policy = response.headers.get('content-security-policy')?.split('; ')
    expect(policy).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      expect.stringMatching(
        /^form-action 'self'( http:\/\/127\.0\.0\.1:5555 http:\/\/127\.0\.0\.1:\* http:\/\/localhost:\*)?$/,
      ),
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=UTF-8',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    expect(page).not.toMatch(/<(script|img|link|iframe|object|base)|url\(|@import/i)
  })
})

describe('the login page', () => {
  test('has one labelled form with a button for each user and one to cancel', async () => {
    const page = await (await authorize(feide, REQUEST)).text()
    const buttons = [...page.matchAll(/<button name="(\w+)" value="(\w+)">([^<]+)<\/button>/g)]
    expect(buttons.map(([, name, value, label]) => [name, value, label])).toEqual([
      ['user', 'bjorn', 'Bjørn Grønås, bjorn@example.no'],
      ['user', 'kari', 'Kari Nordmann, kari@example.no'],
      ['cancel', 'yes', 'Cancel, and go back to Student portal'],
    ])
    expect(page.match(/<button/g)).toHaveLength(3)
    expect(page).toContain('<form method="post" action="/_local/choice" aria-labelledby="who">')
    expect(page).toContain('<h2 id="who">Who do you want to be?</h2>')
  })

  test('carries a ticket and nothing of the request that could be changed', async () => {
    const page = await (await authorize(feide, { ...REQUEST, nonce: 'the-nonce' })).text()
    const fields = [...page.matchAll(/<input[^>]*>/g)].map(([tag]) => tag)
    expect(fields).toEqual([`<input type="hidden" name="ticket" value="${ticketIn(page)}">`])
    for (const secret of ['a state', 'the-nonce', REQUEST.code_challenge])
      expect(page).not.toContain(secret)
  })

  test.each([
    ['http://127.0.0.1:4711/callback', 'http://127.0.0.1:4711'],
    // A policy can name no other address, so all of the scheme is let through.
    ['http://[::1]:4711/callback', 'http:'],
    ['no.example.planner:/callback', 'no.example.planner:'],
  ])(
    'lets its form lead on to %s, and from there to other ports of this machine',
    async (redirect_uri, source) => {
      const query = { ...REQUEST, client_id: POCKET.id, scope: 'openid', redirect_uri }
      const policy = (await authorize(feide, query)).headers.get('content-security-policy')
      expect(policy).toContain(
        `; form-action 'self' ${source} http://127.0.0.1:* http://localhost:*;`,
      )
    },
  )
})

describe('what others named is shown as text', () => {
  const NASTY = `"><script>alert(1)</script><img src=x onerror='alert(1)'>&amp;`
  const register = parseRegister(
    JSON.stringify({
      dataSources: {},
      clients: { nasty: { name: NASTY, redirectUris: ['http://127.0.0.1/callback'], scopes: [] } },
      users: {
        [NASTY]: {
          id: '76a7a061-3c55-430d-8ee0-6f82ec42501f',
          name: NASTY,
          eduPersonPrincipalName: `"><svg/onload=alert(1)>@example.no`,
        },
      },
    }),
  )
  let nasty: Running
  beforeAll(async () => {
    nasty = await startFeide({ port: 0, register })
  })
  afterAll(() => nasty.close())

  const query = { ...REQUEST, client_id: 'nasty', scope: '' }
  test.each<[string, () => Promise<Response>]>([
    ['a client and a user', () => authorize(nasty, query)],
    ['a state', () => authorize(nasty, { ...query, state: NASTY, nonce: NASTY })],
    ['a redirect_uri', () => authorize(nasty, { ...query, redirect_uri: NASTY })],
    ['a client_id', () => authorize(nasty, { ...query, client_id: NASTY })],
    ['a ticket', () => choose(nasty, { ticket: NASTY, user: NASTY })],
    ['a path', () => fetch(`${nasty.url}/${encodeURIComponent(NASTY)}`)],
  ])('as the name of %s', async (_, open) => {
    const page = await (await open()).text()
    expect(page).toContain('This is a stand-in for Feide')
    expect(page).not.toMatch(/<(script|img|svg)/)
    expect(page.match(/"/g)?.length).toBe((page.match(/="/g)?.length ?? 0) * 2)
  })

  test('and a user with such a name can still log in', async () => {
    const ticket = await openLogin(nasty, query)
    expect((await choose(nasty, { ticket, user: NASTY })).status).toBe(303)
  })
})
