import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { caseSchema, documentedKeys, jsonSchema } from '../../gateway/policy/json-schema.ts'
import { loadPolicy } from '../../gateway/policy/parse.ts'
import { ROOT } from '../support/gateway.ts'
import { policyOf } from './support.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

describe('config/gateway.yaml', () => {
  const env = { GRADES_PASSWORD: 'secret' }
  const file = join(ROOT, 'config/gateway.yaml')
  test('has neither faults nor warnings', () => {
    expect(loadPolicy(file, env)).toMatchObject({ ok: true, warnings: [] })
  })
  test('asks for nothing but a password', () => {
    expect(loadPolicy(file, {})).toMatchObject({
      ok: false,
      faults: [
        expect.stringMatching(
          /:\d+:\d+: dataSources\.grades\.upstream\.credentials\.basic\.password: expected the environment variable GRADES_PASSWORD to be set, got nothing$/,
        ),
      ],
      included: [],
    })
  })
  test('trusts Feide, over https', () => {
    const { issuer, admin } = policyOf(read('config/gateway.yaml'), env)
    expect({ issuer: issuer.url, allowHttp: issuer.allowHttp, admin }).toEqual({
      issuer: 'https://auth.dataporten.no',
      allowHttp: false,
      admin: { host: '127.0.0.1', port: 9090 },
    })
  })
  test('names its schema, for editors', () => {
    expect(read('config/gateway.yaml').split('\n')[0]).toBe(
      '# yaml-language-server: $schema=./gateway.schema.json',
    )
  })
})

describe('config/gateway.test.schema.json', () => {
  test('is what the parser of test files is made of (`npm run schema` writes it anew)', () => {
    expect(JSON.parse(read('config/gateway.test.schema.json'))).toEqual(
      JSON.parse(JSON.stringify(caseSchema())),
    )
  })
  test('describes every key, and knows no other', () => {
    expect(propertiesOf(caseSchema(), '').filter(({ described }) => !described)).toEqual([])
    expect(openMapsOf(caseSchema(), '')).toEqual([])
  })
})

describe('config/gateway.schema.json', () => {
  test('is what the parser is made of (`npm run schema` writes it anew)', () => {
    expect(JSON.parse(read('config/gateway.schema.json'))).toEqual(
      JSON.parse(JSON.stringify(jsonSchema())),
    )
  })
  test('is of JSON Schema 2020-12', () => {
    expect(jsonSchema().$schema).toBe('https://json-schema.org/draft/2020-12/schema')
  })
  test('describes every key', () => {
    expect(propertiesOf(jsonSchema(), '').filter(({ described }) => !described)).toEqual([])
  })
  test('knows no other keys, wherever keys have names', () => {
    expect(openMapsOf(jsonSchema(), '')).toEqual([])
  })
})

describe('the reference of the policy file in the README', () => {
  const documented = keysIn(read('README.md'))
  const known = documentedKeys().map(({ key }) => key)
  test('has every key of the policy file', () => {
    expect(known.filter(key => !documented.includes(key))).toEqual([])
  })
  test('has no other key', () => {
    expect(documented.filter(key => !known.includes(key))).toEqual([])
  })
  test('has each key once', () => {
    expect(documented.filter((key, i) => documented.indexOf(key) !== i)).toEqual([])
    expect(known.filter((key, i) => known.indexOf(key) !== i)).toEqual([])
  })
})

/** The first column of the tables under `### Reference of the policy file`. */
function keysIn(readme: string): string[] {
  const [, section = ''] = readme.split(/^### Reference of the policy file$/m)
  const [own = ''] = section.split(/^#{1,3} /m)
  return [...own.matchAll(/^\| *`([^`]+)` *\|/gm)].map(([, key = '']) => key)
}

type Schema = { readonly [key: string]: unknown }

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null

function propertiesOf(schema: unknown, path: string): { path: string; described: boolean }[] {
  if (!isSchema(schema)) return []
  const properties = isSchema(schema.properties) ? Object.entries(schema.properties) : []
  const own = properties.map(([name, value]) => ({
    path: `${path}.${name}`,
    described: isSchema(value) && typeof value.description === 'string' && value.description !== '',
  }))
  const inner = Object.entries(schema).flatMap(([name, value]) =>
    propertiesOf(value, `${path}.${name}`),
  )
  return [...own, ...inner]
}

/** Objects with keys of their own that take others too. */
function openMapsOf(schema: unknown, path: string): string[] {
  if (!isSchema(schema)) return []
  const isOpen =
    schema.type === 'object' && schema.properties && schema.additionalProperties !== false
  const inner = Object.entries(schema).flatMap(([name, value]) =>
    openMapsOf(value, `${path}.${name}`),
  )
  return isOpen ? [path, ...inner] : inner
}
