import { expect, test } from 'vitest'
import { startFeide } from '../../../docker/local-stack/feide.ts'
import { freePorts } from '../support.ts'
import { authorize, choose, demoFeide, locationOf, openLogin, REQUEST } from './support.ts'

// The form of the login page.

const { feide, clock } = demoFeide()

const spent = async (response: Response): Promise<void> => {
  expect([response.status, response.headers.get('location')]).toEqual([400, null])
  expect(await response.text()).toContain('<h1>This login cannot go on</h1>')
}

test('a login is good once', async () => {
  const ticket = await openLogin(feide)
  const first = await choose(feide, { ticket, user: 'bjorn' })
  expect([first.status, locationOf(first).searchParams.get('state')]).toEqual([303, 'a state'])
  await spent(await choose(feide, { ticket, user: 'kari' }))
  await spent(await choose(feide, { ticket, cancel: 'yes' }))
})

test('a login is good for ten minutes', async () => {
  const [inTime, late] = [await openLogin(feide), await openLogin(feide)]
  clock.skew = 500
  expect((await choose(feide, { ticket: inTime, user: 'bjorn' })).status).toBe(303)
  clock.skew = 601
  await spent(await choose(feide, { ticket: late, user: 'bjorn' }))
})

test.each<[string, Record<string, string>]>([
  ['no ticket', { user: 'bjorn' }],
  ['an invented ticket', { ticket: 'd1d5d2f0-0000-4000-8000-000000000000', user: 'bjorn' }],
  ['what a request holds', { ...REQUEST, user: 'bjorn' }],
])('a choice leads nowhere with %s', async (_, form) => spent(await choose(feide, form)))

test('a choice leads nowhere as anything but a form', async () => {
  const ticket = await openLogin(feide)
  const body = JSON.stringify({ ticket, user: 'bjorn' })
  const headers = { 'Content-Type': 'application/json' }
  await spent(await fetch(`${feide.url}/_local/choice`, { method: 'POST', body, headers }))
})

test('a choice cannot be made with a link', async () => {
  const ticket = await openLogin(feide)
  const query = new URLSearchParams({ ticket, user: 'bjorn' })
  expect((await fetch(`${feide.url}/_local/choice?${query}`)).status).toBe(404)
})

test.each(['http://evil.example', 'http://127.0.0.1:1', 'null'])(
  'a choice is refused from a page of %s, though it knew the ticket',
  async Origin => {
    const ticket = await openLogin(feide)
    const response = await choose(feide, { ticket, user: 'bjorn' }, { Origin })
    expect([response.status, response.headers.get('location')]).toEqual([403, null])
  },
)

test('a choice is taken from its own page, as browsers send it', async () => {
  const ticket = await openLogin(feide)
  const response = await choose(feide, { ticket, user: 'bjorn' }, { Origin: feide.url })
  expect(response.status).toBe(303)
})

test('a choice tells the next site nothing of this one', async () => {
  const ticket = await openLogin(feide)
  const { headers } = await choose(feide, { ticket, user: 'bjorn' })
  expect([headers.get('referrer-policy'), headers.get('cache-control')]).toEqual([
    'no-referrer',
    'no-store',
  ])
})

test('a login is forgotten when a thousand others have been opened since', async () => {
  const oldest = await openLogin(feide)
  const second = await openLogin(feide)
  for (let i = 0; i < 20; i++)
    await Promise.all(Array.from({ length: 50 }, () => authorize(feide, REQUEST)))
  await spent(await choose(feide, { ticket: oldest, user: 'bjorn' }))
  await spent(await choose(feide, { ticket: second, user: 'bjorn' }))
  expect((await choose(feide, { ticket: await openLogin(feide), user: 'kari' })).status).toBe(303)
})

test('a choice is taken from its page under the name of the issuer, as behind a proxy', async () => {
  const [port = 0] = await freePorts(1)
  const proxied = await startFeide({ port, issuer: 'https://feide.test' })
  const here = { ...proxied, url: `http://127.0.0.1:${port}` }
  try {
    const ticket = await openLogin(here)
    const from = (Origin: string) => choose(here, { ticket, user: 'bjorn' }, { Origin })
    expect((await from('https://evil.test')).status).toBe(403)
    expect((await from('https://feide.test')).status).toBe(303)
  } finally {
    await proxied.close()
  }
})
