import type { AdminState } from './status.ts'

/** Gauges, and counts that others keep, read off when somebody asks. */
export function measure(state: Measured): void {
  const { metrics, notReady, rememberedTokens } = state
  metrics.ready.set(notReady() === undefined ? 1 : 0)
  metrics.verifiedTokens.set(rememberedTokens())
  measureKeys(state)
  measureTraffic(state)
  measureUpstreams(state)
}

type Measured = Pick<
  AdminState,
  | 'keys'
  | 'redisUp'
  | 'policy'
  | 'upstream'
  | 'metrics'
  | 'notReady'
  | 'rememberedTokens'
  | 'takeTraffic'
>

/** What there is not has no value: neither an age of 0 nor a Redis that is down. */
function measureKeys({ keys, redisUp, metrics }: Measured): void {
  const { source, age, kids } = keys()
  const up = redisUp()
  metrics.keySetKeys.reset()
  metrics.keySetKeys.set({ source: source ?? 'none' }, kids.length)
  if (age === undefined) metrics.keySetAge.remove()
  else metrics.keySetAge.set(age / 1000)
  if (up === undefined) metrics.redisUp.remove()
  else metrics.redisUp.set(up ? 1 : 0)
}

function measureTraffic({ takeTraffic, metrics }: Measured): void {
  const { connections, received, sent } = takeTraffic()
  metrics.connections.set(connections)
  metrics.receivedBytes.inc(received)
  metrics.sentBytes.inc(sent)
}

function measureUpstreams({ policy, upstream: look, metrics }: Measured): void {
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
