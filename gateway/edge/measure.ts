import type { AdminState } from './status.ts'

/** Gauges that are read off when somebody asks. */
export function measure({ keys, policy, upstream: look, metrics }: Measured): void {
  const { source, age, kids } = keys()
  metrics.keySetKeys.reset()
  metrics.keySetKeys.set({ source: source ?? 'none' }, kids.length)
  if (age !== undefined) metrics.keySetAge.set(age / 1000)
  metrics.originUp.reset()
  metrics.upstreamActive.reset()
  metrics.upstreamPending.reset()
  for (const { id, upstream } of policy().dataSources) {
    const { active, pending, origins } = look(upstream)
    metrics.upstreamActive.set({ data_source: id }, active)
    metrics.upstreamPending.set({ data_source: id }, pending)
    for (const { origin, usable } of origins) {
      metrics.originUp.set({ data_source: id, origin }, usable ? 1 : 0)
    }
  }
}

type Measured = Pick<AdminState, 'keys' | 'policy' | 'upstream' | 'metrics'>
