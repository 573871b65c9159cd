import { type Decision, withoutSecrets } from '../../explain/decision.ts'
import type { TestCase } from '../../policy/case-schema.ts'
import { statusOf } from '../../policy/denial.ts'

/** One thing that came out otherwise than expected, in words. */
export interface Difference {
  /** `X-Dataporten-userid`, `path`; empty for the decision itself. */
  readonly of: string
  readonly expected: string
  readonly actual: string
  /** The place of the expectation, under `expect`. */
  readonly path: readonly string[]
}

type Expected = TestCase['expect']

/** Holds a decision against what was expected; nothing when it is as expected. */
export function differencesOf(expected: Expected, decision: Decision): Difference[] {
  const wanted = typeof expected === 'string' ? expected : 'allow'
  const actual = decision.denial?.denied ?? (decision.outgoing ? 'allow' : 'metadata')
  if (actual !== wanted) {
    const { denial } = decision
    const shown = denial ? `${statusOf(denial)} ${actual}: ${denial.detail}` : actual
    return [{ of: '', expected: wanted, actual: shown + markOf(decision), path: [] }]
  }
  if (typeof expected === 'string' || !decision.outgoing) return []
  const { target } = decision.outgoing
  const { path, headers, without, shadow } = expected
  const mark = decision.shadowed?.denied ?? 'none'
  const elsewhere = path !== undefined && path !== target
  return [
    ...(elsewhere ? [{ of: 'path', expected: path, actual: target, path: ['path'] }] : []),
    ...(shadow !== undefined && shadow !== mark
      ? [{ of: 'shadow', expected: shadow, actual: mark, path: ['shadow'] }]
      : []),
    ...Object.entries(headers).flatMap(([name, values]) =>
      headerDifference(decision, name, [values].flat(), ['headers', name]),
    ),
    ...without.flatMap((name, i) => headerDifference(decision, name, [], ['without', String(i)])),
  ]
}

/** What is to be seen of a request that was let through and marked. */
const markOf = ({ shadowed }: Decision): string => (shadowed ? ` (shadow: ${shadowed.denied})` : '')

const ABSENT = 'absent'

function headerDifference(
  decision: Decision,
  name: string,
  expected: readonly string[],
  path: readonly string[],
): Difference[] {
  const actual = valuesOf(decision, name)
  if (actual.length === expected.length && actual.every((value, i) => value === expected[i])) {
    return []
  }
  const shown = (values: readonly string[]) =>
    values.map(value => `"${value}"`).join(', ') || ABSENT
  const isSecret = name.toLowerCase() === 'authorization'
  const hide = (value: string) => (isSecret ? value.replace(/ .*/, ' [hidden]') : value)
  const wanted = shown(expected.map(hide))
  const got = shown(valuesOf(withoutSecrets(decision), name))
  return [{ of: name, expected: wanted, actual: got === wanted ? `another ${got}` : got, path }]
}

function valuesOf({ outgoing }: Decision, name: string): string[] {
  const wanted = name.toLowerCase()
  const headers = outgoing?.headers ?? []
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === wanted)
}
