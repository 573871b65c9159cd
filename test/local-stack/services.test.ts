import { createServer } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { basic, eventually, freePorts, type Process, portOf, run } from './support.ts'

const started: Process[] = []
afterEach(async () => {
  for (const { child } of started) child.kill('SIGKILL')
  await Promise.all(started.splice(0).map(({ exited }) => exited))
})

const start = (file: string, env: Record<string, string>, ...args: string[]): Process => {
  const it = run(process.execPath, [`docker/local-stack/${file}`, ...args], env)
  started.push(it)
  return it
}

const says = async (it: Process, text: string) => {
  const said = await eventually(() => it.stdout().includes(text), 15_000)
  expect(said, `${it.stdout()}${it.stderr()}`).toBe(true)
}

describe('the stand-in for Feide as a service', () => {
  test('is the issuer that it is told to be, and ends with 0 on SIGTERM', async () => {
    const [port] = await freePorts(1)
    const issuer = `http://127.0.0.1:${port}`
    const feide = start('serve-feide.ts', { FEIDE_ISSUER: issuer })
    await says(feide, `the stand-in for Feide listens on ${issuer}`)
    const discovery = await fetch(`${issuer}/.well-known/openid-configuration`)
    expect(await discovery.json()).toMatchObject({ issuer, jwks_uri: `${issuer}/openid/jwks` })
    feide.child.kill('SIGTERM')
    expect(await feide.exited).toEqual({ code: 0, signal: null })
  })

  test('does not start without an issuer', async () => {
    const feide = start('serve-feide.ts', { FEIDE_ISSUER: '' })
    expect((await feide.exited).code).toBe(1)
    expect(feide.stderr()).toBe('expected the environment variable FEIDE_ISSUER to be set\n')
  })
})

describe('the legacy API as a service', () => {
  test('wants the password that it is told, and ends with 0 on SIGTERM', async () => {
    const [port] = await freePorts(1)
    const api = start('serve-legacy-api.ts', { GRADES_PASSWORD: 'sesame', PORT: String(port) })
    await says(api, 'the legacy API listens on')
    const ask = (secret: string) =>
      fetch(`http://127.0.0.1:${port}/courses`, {
        headers: {
          Authorization: basic({ id: 'dataporten', secret }),
          'X-Dataporten-gatekeeper': 'grades',
          'X-Dataporten-clientid': 'a-client',
        },
      })
    expect([(await ask('sesame')).status, (await ask('another')).status]).toEqual([200, 500])
    api.child.kill('SIGTERM')
    expect(await api.exited).toEqual({ code: 0, signal: null })
  })
})

describe('steady calls', () => {
  const callUntil = async (status: (call: number) => number, calls: number) => {
    const seen: (string | undefined)[] = []
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(status(seen.length)).end()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const caller = start('steady-calls.ts', { TOKEN: 't' }, `http://127.0.0.1:${portOf(server)}/`)
    await eventually(() => seen.length >= calls, 15_000)
    caller.child.stdin?.end()
    const { code } = await caller.exited
    await new Promise(resolve => server.close(resolve))
    return { code, text: caller.stdout(), seen }
  }

  test('go on until stdin ends, and say that none has failed', async () => {
    const { code, text, seen } = await callUntil(() => 200, 5)
    expect([code, text]).toEqual([0, `${seen.length} calls, 0 failed\n`])
    expect(new Set(seen)).toEqual(new Set(['Bearer t']))
  })

  test('say which have failed', async () => {
    const { code, text, seen } = await callUntil(call => (call === 2 ? 503 : 200), 5)
    expect([code, text]).toEqual([1, `${seen.length} calls, 1 failed 503\n`])
  })
})
