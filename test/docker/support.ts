import { readFileSync } from 'node:fs'
import { parse, parseAllDocuments } from 'yaml'
import { loadPolicy } from '../../gateway/policy/parse.ts'
import { ROOT } from '../support/gateway.ts'

export const read = (file: string): string => readFileSync(`${ROOT}${file}`, 'utf8')

/** Documents of a YAML file, anchors and merge keys resolved. */
export const readYaml = (file: string): readonly unknown[] =>
  parseAllDocuments(read(file), { merge: true }).map(document => document.toJS())

/** The names of the variables that a text asks the environment for. */
export const variablesOf = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name = '']) => name)),
]

/** `http://NAME:PORT` of each data source. */
export const upstreamsOf = (file: string): readonly URL[] => {
  const { dataSources } = parse(read(file)) as {
    dataSources: Record<string, { upstream: { url: string } }>
  }
  return Object.values(dataSources).map(({ upstream }) => new URL(upstream.url))
}

/** The policy, as it is with some environment in which everything is set; its faults fail the test. */
export const policyOf = (file: string, env: Record<string, string>) => {
  const parsed = loadPolicy(`${ROOT}${file}`, env)
  if (!parsed.ok) throw new Error(parsed.faults.join('\n'))
  return { ...parsed.policy, warnings: parsed.warnings }
}

/** Seconds of `45s`. */
export const secondsOf = (text: string): number => {
  const [, seconds] = /^(\d+)s$/.exec(text) ?? []
  if (seconds === undefined) throw new Error(`expected seconds, got ${text}`)
  return Number(seconds)
}
