import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { ROOT, run } from '../support.ts'
import { choose, jwtFor, locationOf, startDemo, ticketIn } from './support.ts'

let feide: Running
let blocks: readonly string[]
beforeAll(async () => {
  feide = await startDemo()
  const readme = readFileSync(`${ROOT}docker/local-stack/README.md`, 'utf8')
  const here = readme.replaceAll('http://127.0.0.1:7001', feide.url)
  blocks = [...here.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, text = '']) => text.trim())
})
afterAll(() => feide.close())

const block = (start: string): string => blocks.find(text => text.startsWith(start)) ?? ''

const paste = async (script: string, env: Record<string, string>): Promise<string> => {
  const pasted = run('bash', ['-c', script], { ...env, no_proxy: '*' })
  expect([(await pasted.exited).code, pasted.stderr()]).toEqual([0, ''])
  return pasted.stdout()
}

test('the address to open in a browser and the command to redeem the code fit', async () => {
  const page = await fetch(block(`${feide.url}/oauth/authorization?`))
  const sent = await choose(feide, { ticket: ticketIn(await page.text()), user: 'bjorn' })
  const CODE = locationOf(sent).searchParams.get('code') ?? ''
  const answer = JSON.parse(await paste(block('curl -sS -u 5d0b1f8e'), { CODE }))
  expect(answer).toMatchObject({ token_type: 'Bearer', id_token: expect.any(String) })
})

test("the data source's commands give a token and the user's groups", async () => {
  const [exchange = '', groups = ''] = block('curl -sS -u 02d0f79b').split(/\n(?=curl)/)
  const answer = JSON.parse(await paste(exchange, { USER_JWT: await jwtFor(feide, 'bjorn') }))
  const OPAQUE_OF_THE_API = String(answer.access_token)
  expect(JSON.parse(await paste(groups, { OPAQUE_OF_THE_API }))[0].id).toBe('fc:org:example.no')
})
