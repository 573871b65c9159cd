import { type Asked, parseAddress, rawRequestOf } from '../../explain/asked.ts'
import { decideOn } from '../../explain/decide.ts'
import type { Decision } from '../../explain/decision.ts'
import type { RawRequest } from '../../model.ts'
import type { Suite } from '../../policy/case-file.ts'
import type { TestCase } from '../../policy/case-schema.ts'
import { deny } from '../../policy/denial.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Path } from '../../policy/source.ts'
import { type Difference, differencesOf } from './differences.ts'

/** One case with one of its principals. */
export interface Trial {
  readonly suite: Suite
  readonly test: TestCase
  /** Where the case stands in its file. */
  readonly path: Path
  readonly name: string
  /** Absent where no token comes with the request. */
  readonly claims: object | undefined
}

/** What came of a trial. */
export interface Result {
  readonly trial: Trial
  readonly decision: Decision
  /** None: it passed. */
  readonly differences: readonly Difference[]
}

/** Every case with every principal that it names, in the order of the file. */
export function trialsOf(suite: Suite): Trial[] {
  return suite.cases.flatMap((test, i) => {
    const path = ['cases', i]
    const names = test.as === undefined ? [undefined] : [test.as].flat()
    return names.map(name => {
      const as = name === undefined ? '' : ` as ${name}`
      const scope = test.scope === undefined ? '' : ` with scope "${test.scope}"`
      const own = `${test.request}${as}${scope}`
      const many = names.length > 1 ? as : ''
      const shown = test.name === undefined ? own : `${test.name}${many}`
      return { suite, test, path, name: shown, claims: claimsOf(suite, test, name) }
    })
  })
}

function claimsOf({ principals }: Suite, test: TestCase, name: string | undefined) {
  if (name === undefined && test.claims === undefined) return undefined
  return {
    ...(name !== undefined && principals[name]),
    ...test.claims,
    ...(test.scope !== undefined && { scope: test.scope }),
  }
}

/** Asks the gate of a policy, as a running gateway does, with claims that are believed. */
export async function runTrial(trial: Trial, policy: Policy): Promise<Result> {
  const decision = await decideOn(policy, askedBy(trial), noKey)
  return { trial, decision, differences: differencesOf(trial.test.expect, decision) }
}

/** A case has claims, and no token that anybody signed. */
const noKey = () => deny('token_key_unknown', 'The cases of a policy know no keys')

/** The request of a trial, as the HTTP parser would leave it. */
export const requestOf = (trial: Trial, policy: Policy): RawRequest =>
  rawRequestOf(askedBy(trial), policy)

function askedBy({ test, claims }: Trial): Asked {
  const [method = '', url = ''] = test.request.split(' ')
  const address = parseAddress(url)
  // The file was checked: this is another's mistake.
  if (address instanceof Error) throw address
  const headers = Object.entries(test.headers).flatMap(([name, values]) =>
    [values].flat().flatMap(value => [name, value]),
  )
  if (test.body !== undefined) headers.push('Content-Length', String(test.body))
  return { method, address, headers, claims, peer: test.from }
}
