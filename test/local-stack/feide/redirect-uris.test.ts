import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { parseRegister } from '../../../docker/local-stack/feide/register.ts'
import { startFeide } from '../../../docker/local-stack/feide.ts'
import { SOUND } from './register-sound.ts'
import { choose, openLogin, REQUEST } from './support.ts'

const withRedirectUri = (uri: string): string => {
  const file = parse(SOUND)
  file.clients.planner.redirectUris = [uri]
  return stringify(file)
}

test.each([
  'javascript:alert(1)',
  'data:text/html,x',
  'callback',
  '/callback',
  '//example.no/callback',
  'http://user@example.no/callback',
  'http://example.no/callback#fragment',
  'http://exam;ple.no/callback',
  "http://example.no;script-src'/callback",
  'http://example.no:99999/callback',
  'http://[zz]/callback',
  'http://[::::]/callback',
  'http://example.no/call back',
  'http://*/callback',
  'myapp:/callback',
])('%j cannot be registered as a redirect URI', uri => {
  expect(() => parseRegister(withRedirectUri(uri))).toThrow(
    /clients\.planner\.redirectUris\[0\]: expected a redirect URI: /,
  )
})

test.each([
  'https://example.no/callback?from=feide',
  'http://localhost:8000/callback',
  'http://[::1]/callback',
  'https://example.no',
  'no.example.app:/callback',
])('%j can be registered as a redirect URI', uri => {
  const { clients } = parseRegister(withRedirectUri(uri))
  expect(clients.get('planner')?.redirectUris).toEqual([uri])
})

test('a redirect URI keeps its own query, and the answer comes after it', async () => {
  const redirect_uri = 'https://example.no/callback?from=feide&again=%20'
  const register = parseRegister(withRedirectUri(redirect_uri))
  const feide = await startFeide({ port: 0, register })
  try {
    const query = { ...REQUEST, client_id: 'planner', scope: 'openid', redirect_uri }
    const ticket = await openLogin(feide, query)
    const { headers } = await choose(feide, { ticket, user: 'bjorn' })
    expect(headers.get('location')).toMatch(
      /^https:\/\/example\.no\/callback\?from=feide&again=%20&code=[^&]+&state=a\+state$/,
    )
  } finally {
    await feide.close()
  }
})
