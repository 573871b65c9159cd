import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readRegister } from '../../docker/local-stack/feide/register.ts'
import { ROOT } from './support.ts'

const text = readFileSync(`${ROOT}config/gateway.yaml`, 'utf8')
const policy = parse(text)
const register = readRegister()

test('the policy and the stand-in for Feide know the same audience', () => {
  expect([...register.dataSourcesByAudience.keys()]).toEqual([policy.dataSources.grades.audience])
})

test('the client that may administer exists, and has the scope', () => {
  const route = policy.dataSources.grades.routes['ANY /admin/**']
  for (const id of route.clients)
    expect(register.clients.get(id)?.scopes).toContain(`gk_grades_${route.scopes[0]}`)
})

test('without an environment the real Feide is trusted, and no password is known', () => {
  expect(policy.issuer.url).toMatch(/^\$\{\w+:-https:\/\/auth\.dataporten\.no\}$/)
  expect(policy.dataSources.grades.upstream.credentials.basic.password).toMatch(/^\$\{\w+\}$/)
})
