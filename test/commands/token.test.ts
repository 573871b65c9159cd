import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFeide } from '../../docker/local-stack/feide.ts'
import { cli } from '../support/gateway.ts'
import { AUDIENCE, CLIENT_ID } from '../support/issuer.ts'

const SECRET = 'local-secret-of-the-study-planner'

describe('token', () => {
  let feide: Awaited<ReturnType<typeof startFeide>>
  beforeAll(async () => {
    feide = await startFeide({ port: 0 })
  })
  afterAll(() => feide?.close())

  const run = (args: string[], secret = SECRET) => {
    const who = ['--issuer', feide.url, '--client-id', CLIENT_ID, '--audience', AUDIENCE]
    return cli(['token', ...who, ...args], { env: { FEIDE_CLIENT_SECRET: secret } })
  }

  test('prints a JWT for the audience, with the scopes that were asked for', async () => {
    const { code, stdout, stderr } = await run(['--scope', 'read'])
    const [, payload = ''] = stdout.trim().split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    expect({ code, stderr, aud: claims.aud, sub: claims.sub, scope: claims.scope }).toEqual({
      code: 0,
      stderr: '',
      aud: AUDIENCE,
      sub: CLIENT_ID,
      scope: 'read',
    })
  })

  test('prints the claims instead with --decode', async () => {
    const { stdout } = await run(['--decode'])
    expect(JSON.parse(stdout)).toMatchObject({ iss: feide.url, client_id: CLIENT_ID })
  })

  test.each([
    ['a scope that it may not have', ['--scope', 'nope'], SECRET, 'invalid_scope'],
    ['another audience', ['--audience', 'https://n.feide.no/x'], SECRET, 'access_denied'],
    ['a wrong secret', [], 'not-the-secret', 'the client id or the secret is wrong'],
    ['a subject token that is none', ['--subject-token', 'x'], SECRET, 'invalid_request'],
  ])('says why Feide refused: %s', async (_, args, secret, why) => {
    const { code, stdout, stderr } = await run(args, secret)
    expect({ code, stdout, says: stderr.includes(why), leaks: stderr.includes(secret) }).toEqual({
      code: 1,
      stdout: '',
      says: true,
      leaks: false,
    })
  })

  test('takes no secret from an argument, and wants one', async () => {
    const { code, stderr } = await run([], '')
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: expected the client secret in the environment variable FEIDE_CLIENT_SECRET\n',
    })
  })

  test('says which Feide cannot be reached', async () => {
    const { code, stderr } = await run(['--issuer', 'http://127.0.0.1:1'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: http:\/\/127\.0\.0\.1:1 cannot be reached: /)
  })

  test.each([
    ['no audience', ['token', '--client-id', 'x']],
    ['an issuer that is no URL', ['token', '--client-id', 'x', '--audience', 'y', '--issuer', 'z']],
  ])('is wrong usage with %s', async (_, args) => {
    expect((await cli(args, { env: { FEIDE_CLIENT_SECRET: 'x' } })).code).toBe(2)
  })
})
