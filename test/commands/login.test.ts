import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Running } from '../../docker/local-stack/listen.ts'
import { choose, locationOf, PORTAL, startDemo, ticketIn } from '../local-stack/feide/support.ts'
import {
  AUDIENCE,
  BJORN,
  eventually,
  freePorts,
  type Process,
  ROOT,
  run,
} from '../local-stack/support.ts'

// A process each, and a person's way through a login page.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let feide: Running
beforeAll(async () => {
  feide = await startDemo()
})
afterAll(() => feide?.close())

const runToken = (args: readonly string[]): Process => {
  const who = ['--issuer', feide.url, '--client-id', PORTAL.id, '--audience', AUDIENCE]
  const main = [`${ROOT}gateway/main.ts`, 'token', ...who, ...args]
  return run(`${ROOT}node_modules/.bin/node`, main, { FEIDE_CLIENT_SECRET: PORTAL.secret })
}

/** The address that the command asks a person to open. */
async function addressOf(command: Process): Promise<string> {
  const found = () => /^ {2}(http:\/\/\S+)$/m.exec(command.stderr())?.[1]
  if (!(await eventually(() => found() !== undefined, 30_000))) throw new Error(command.stderr())
  return found() ?? ''
}

/** Logs in at the page behind the address, as a browser would; where it is sent back to. */
async function logIn(address: string, answer: Record<string, string>): Promise<URL> {
  const page = await (await fetch(address)).text()
  return locationOf(await choose(feide, { ticket: ticketIn(page), ...answer }))
}

const loginArgs = async () => {
  const [port] = await freePorts(1)
  return [
    '--login',
    '--login-scope',
    'openid gk_grades gk_grades_read',
    '--redirect-port',
    `${port}`,
  ]
}

describe('token --login', () => {
  test('prints a JWT that speaks for the person who logged in', async () => {
    const command = runToken([...(await loginArgs()), '--decode'])
    const back = await logIn(await addressOf(command), { user: 'bjorn' })
    const page = await fetch(back)
    expect({ status: page.status, says: await page.text() }).toEqual({
      status: 200,
      says: expect.stringContaining('You are logged in.'),
    })
    expect((await command.exited).code).toBe(0)
    expect(JSON.parse(command.stdout())).toMatchObject({ sub: BJORN, client_id: PORTAL.id })
  })

  test('says that the person did not want to', async () => {
    const command = runToken(await loginArgs())
    const back = await logIn(await addressOf(command), { cancel: 'yes' })
    expect((await fetch(back)).status).toBe(400)
    expect((await command.exited).code).toBe(1)
    expect({ out: command.stdout(), says: command.stderr() }).toEqual({
      out: '',
      says: expect.stringContaining('error: the login was refused: access_denied'),
    })
  })

  test('goes on waiting when a page sends the browser there with another state', async () => {
    const command = runToken(await loginArgs())
    const back = await logIn(await addressOf(command), { user: 'bjorn' })
    const forged = new URL(back)
    forged.searchParams.set('state', 'another')
    const elsewhere = new URL('/', back)
    expect([(await fetch(forged)).status, (await fetch(elsewhere)).status]).toEqual([404, 404])
    expect((await fetch(back)).status).toBe(200)
    expect((await command.exited).code).toBe(0)
  })

  test('says which port is taken', async () => {
    const args = ['--login', '--redirect-port', new URL(feide.url).port]
    const command = runToken(args)
    expect((await command.exited).code).toBe(1)
    expect(command.stderr()).toMatch(/^error: cannot listen on port \d+: .*EADDRINUSE/m)
  })
})

describe('token --curl', () => {
  test.each([
    ['the gateway on this machine', ['--curl'], 'http://127.0.0.1:8080/'],
    ['an address', ['--curl', 'http://x.example/a?b=c'], 'http://x.example/a?b=c'],
  ])('prints a command that calls %s', async (_, args, address) => {
    const command = runToken(args)
    expect((await command.exited).code).toBe(0)
    const [, token, url] =
      /^curl -i -H 'Authorization: Bearer ([\w.-]+)' '(.*)'\n$/.exec(command.stdout()) ?? []
    expect({ parts: token?.split('.').length, url }).toEqual({ parts: 3, url: address })
  })
})

describe('what cannot be meant', () => {
  test.each([
    [['--login', '--subject-token', 'x'], 'expected either --login or --subject-token'],
    [['--decode', '--curl'], 'expected either --decode or --curl'],
    [['--redirect-port', '0'], '--redirect-port: expected a port from 1 to 65535, got 0'],
  ])('%j is wrong usage', async (args, says) => {
    const command = runToken(args)
    expect((await command.exited).code).toBe(2)
    expect(command.stderr()).toBe(`error: ${says}\n`)
  })
})
