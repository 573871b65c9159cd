import { expect, test } from 'vitest'
import { around, faultsOf, marked, yaml } from './support.ts'

/** One fault; `«` stands in the text where it is to be found. */
export type Rule = readonly [name: string, text: string, says: string]

export function holds(rules: readonly Rule[]): void {
  test.for(rules)('%s', ([, text, says]) => {
    const { text: file, places } = marked(text)
    expect(faultsOf(file)).toEqual(places.map(place => `policy.yaml:${place}: ${says}`))
    expect(places).toHaveLength(1)
  })
}

export const ROUTES = '    routes: { GET /a: public }\n'

/** Whole policies around one part each. */
export const upstream = (text: string): string => around(`    upstream: ${text}\n${ROUTES}`)
export const grades = (line: string): string => around(`    upstream: http://legacy\n${line}`)
export const setting = (line: string): string =>
  around(`    upstream: http://legacy\n${ROUTES}`, line)
export const issuer = (members: string): string => yaml`
  issuer: ${members}
  dataSources:
    grades: { audience: grades, upstream: http://legacy, routes: { GET /a: public } }
`
export const two = (first: string, second: string): string => yaml`
  issuer: { url: https://auth.dataporten.no }
  dataSources:
    grades: { audience: grades, upstream: http://a, ${first} }
    exams: { audience: exams, upstream: http://b, ${second} }
`

/** A key at the end of a path, as a fault names it. */
export const step = (key: string): string =>
  /^[\w-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`

export const URL = 'an http:// or https:// URL without user, query and fragment'
export const DURATION = 'a duration above zero such as 250ms, 5s, 10m or 24h'
export const ADDRESS = 'an address such as 127.0.0.1:8080'
