import { setTimeout as sleep } from 'node:timers/promises'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { type Origin, type OriginOptions, startOrigin } from './origin.ts'

/** An issuer, a gateway and upstreams, each in a process of its own but the issuer. */
export type Scene = {
  readonly issuer: Issuer
  readonly gateway: Gateway
  readonly origin: Origin
  stop(): Promise<void>
}

/** @param overrides for the policy, from the URL of the origin */
export async function startScene(
  overrides: Record<string, unknown> = {},
  options: OriginOptions = {},
): Promise<Scene> {
  const [issuer, origin] = await Promise.all([startIssuer(), startOrigin(options)])
  // A line for each request would only be kept by the test.
  const log = { level: 'warn' }
  const gateway = await startGateway(policy({ log, ...overrides, issuer, upstream: origin }))
  const stop = async () => {
    await gateway.stop().finally(() => Promise.all([issuer.close(), origin.kill()]))
  }
  return { issuer, origin, gateway, stop }
}

/** Waits until a number has come down to a bound, for at most 15 s; what it was last. */
export async function settled(look: () => number, bound: number): Promise<number> {
  for (const end = Date.now() + 15_000; Date.now() < end; await sleep(50)) {
    if (look() <= bound) break
  }
  return look()
}
