import { setTimeout as sleep } from 'node:timers/promises'
import { type Gateway, startGateway } from './gateway.ts'
import { type Issuer, type IssuerOptions, startIssuer } from './issuer.ts'
import { policy } from './policy.ts'
import { type Answer, type RequestParts, request, sendOne } from './raw.ts'
import { startUpstream, type Upstream } from './upstream.ts'

export type World = {
  readonly issuer: Issuer
  readonly upstream: Upstream
  readonly gateway: Gateway
  /** One request over its own connection, one answer. */
  ask(parts: RequestParts): Promise<Answer>
  stop(): Promise<void>
}

export type WorldOptions = {
  readonly issuer?: IssuerOptions
  /** Called before the gateway starts, to spoil the issuer or its keys. */
  readonly prepare?: (issuer: Issuer) => void
  readonly env?: Record<string, string>
  /** The program, in the root of the project; default the source. */
  readonly program?: string
}

/** An issuer, an upstream and a gateway between them; the overrides go into the policy. */
export async function startWorld(
  overrides: Record<string, unknown> = {},
  { issuer: issuerOptions = {}, prepare, ...options }: WorldOptions = {},
): Promise<World> {
  const isSound = issuerOptions.issuer === undefined
  const [issuer, upstream] = await Promise.all([startIssuer(issuerOptions), startUpstream()])
  const closeBoth = () => Promise.all([issuer.close(), upstream.close()])
  prepare?.(issuer)
  const rules = { url: issuer.url, ...(overrides.issuer ?? {}) }
  const text = policy({ ...overrides, issuer: rules, upstream })
  const gateway = await startGateway(text, options).catch(async (error: unknown) => {
    await closeBoth()
    throw error
  })
  const world: World = {
    issuer,
    upstream,
    gateway,
    ask: parts => sendOne(gateway.port, request(parts)),
    async stop() {
      await gateway.stop().finally(closeBoth)
    },
  }
  try {
    if (isSound && issuer.fail === undefined) await untilReady(gateway)
    return world
  } catch (error) {
    await world.stop()
    throw error
  }
}

/** Waits for the first keys, so that no test counts the fetch at the start. */
async function untilReady(gateway: Gateway): Promise<void> {
  const deadline = Date.now() + 5000
  const ready = () => gateway.admin('/readyz').then(answer => answer.ok)
  while (!(await ready().catch(() => false))) {
    if (Date.now() > deadline) {
      throw new Error(`the gateway is not ready:\n${gateway.logText}${gateway.errorText}`)
    }
    await sleep(10)
  }
}
