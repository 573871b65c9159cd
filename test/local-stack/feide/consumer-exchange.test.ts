import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { BJORN, EXCHANGE } from '../support.ts'
import { loggedIn, PORTAL, postAs, refusalOf, startDemo } from './support.ts'

let feide: Running
beforeAll(async () => {
  feide = await startDemo()
})
afterAll(() => feide.close())

const exchange = async (asked: string, scope: string) => {
  const subject_token = await loggedIn(feide, asked)
  return (await postAs(feide, PORTAL, { ...EXCHANGE, subject_token, scope })).body
}

test.each([
  ['openid', '', 'read append'],
  ['openid', 'read', 'read'],
  ['openid gk_grades gk_grades_read', '', 'read'],
  ['openid gk_grades', '', ''],
])('a login for %j, exchanged for %j, gives %j', async (asked, scope, given) => {
  const body = await exchange(asked, scope)
  expect(body.scope).toBe(given)
  expect(decodeJwt(String(body.access_token))).toMatchObject({ sub: BJORN, scope: given })
})

test.each([
  ['openid', 'admin', 'invalid_scope'],
  ['openid gk_grades gk_grades_read', 'append', 'invalid_scope'],
  ['openid gk_grades_read', 'read', 'access_denied'],
])('a login for %j, exchanged for %j, is refused as %s', async (asked, scope, error) => {
  expect(await exchange(asked, scope)).toEqual(refusalOf(error))
})
