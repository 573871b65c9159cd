import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { Environment } from '../policy/source.ts'

const DEFAULT = 'parentbased_always_on'

/**
 * The sampler of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`, by OpenTelemetry's specification of
 * environment variables; what is not understood is told, and the default taken.
 */
export function samplerOf(env: Environment, warn: (text: string) => void): Sampler {
  const name = env.OTEL_TRACES_SAMPLER?.trim() || DEFAULT
  const { OTEL_TRACES_SAMPLER_ARG: given } = env
  const [, parentBased, root = ''] = /^(parentbased_)?(.*)$/.exec(name) ?? []
  const sampler = rootSampler(root, given, warn)
  if (!sampler) {
    warn(`OTEL_TRACES_SAMPLER names no sampler that is known: it is ${DEFAULT}`)
    return new ParentBasedSampler({ root: new AlwaysOnSampler() })
  }
  return parentBased ? new ParentBasedSampler({ root: sampler }) : sampler
}

function rootSampler(
  name: string,
  given: string | undefined,
  warn: (text: string) => void,
): Sampler | undefined {
  if (name === 'always_on') return new AlwaysOnSampler()
  if (name === 'always_off') return new AlwaysOffSampler()
  if (name !== 'traceidratio') return undefined
  const ratio = given === undefined || given.trim() === '' ? 1 : Number(given)
  if (ratio >= 0 && ratio <= 1) return new TraceIdRatioBasedSampler(ratio)
  warn('OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1: every trace is sampled')
  return new AlwaysOnSampler()
}
