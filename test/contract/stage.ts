import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { type Answer, type RequestParts, request, type SendOptions, send } from '../support/raw.ts'
import { startUpstream, type Upstream, type UpstreamRequest } from '../support/upstream.ts'
import { type HeaderList, headerValues } from '../support/wire.ts'

type Overrides = Record<string, unknown>

/** What came of one request, on both sides of the gateway. */
type Exchange = {
  readonly answer: Answer
  /** What reached the upstream because of it; empty where the gateway answered itself. */
  readonly seen: readonly UpstreamRequest[]
}

/** The same in short, for comparing whole. */
type Outcome = {
  readonly status: number
  /** The code of the problem, where the answer is one. */
  readonly code?: string
  /** Request lines without version, as the upstream got them. */
  readonly sent: readonly string[]
}

export type Stage = {
  readonly issuer: Issuer
  readonly upstream: Upstream
  readonly gateway: Gateway
  exchange(parts: RequestParts, options?: SendOptions): Promise<Exchange>
  outcome(parts: RequestParts, options?: SendOptions): Promise<Outcome>
  /** The one request that the upstream got because of this one. */
  passed(parts: RequestParts, options?: SendOptions): Promise<UpstreamRequest>
}

type Servers = { readonly issuer: Issuer; readonly upstream: Upstream; readonly gateway: Gateway }

/** An issuer, a recording upstream and the gateway between them, for the tests of one block. */
export function stage(overrides: Overrides | ((upstream: Upstream) => Overrides) = {}): Stage {
  let servers: Servers | undefined
  let rewind = () => {}
  const running = () => {
    if (servers === undefined) throw new Error('the stage is not up')
    return servers
  }

  beforeAll(async () => {
    const [issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
    const more = typeof overrides === 'function' ? overrides(upstream) : overrides
    const gateway = await startGateway(policy({ issuer, upstream, ...more }))
    servers = { issuer, upstream, gateway }
    const { answer } = upstream
    rewind = () => {
      upstream.requests.length = 0
      upstream.answer = answer
      upstream.onHead = undefined
    }
  })
  beforeEach(() => rewind())
  afterAll(async () => {
    const code = await servers?.gateway.stop()
    await Promise.all([servers?.upstream.close(), servers?.issuer.close()])
    if (code !== 0) throw new Error(`the gateway ended with ${code}`)
  })

  const exchange: Stage['exchange'] = async (parts, options) => {
    const { gateway, upstream } = running()
    const before = upstream.requests.length
    const answers = await send(gateway.port, request(parts), { settle: 0, ...options })
    const [answer, ...more] = answers.filter(({ status }) => status === 101 || status >= 200)
    if (answer === undefined || more.length > 0) {
      throw new Error(`expected one answer, got ${answers.map(({ raw }) => raw).join('\n')}`)
    }
    return { answer, seen: upstream.requests.slice(before) }
  }
  return {
    get issuer() {
      return running().issuer
    },
    get upstream() {
      return running().upstream
    },
    get gateway() {
      return running().gateway
    },
    exchange,
    outcome: async (parts, options) => outcomeOf(await exchange(parts, options)),
    async passed(parts, options) {
      const { answer, seen } = await exchange(parts, options)
      const [first] = seen
      if (first === undefined || seen.length > 1) {
        throw new Error(`${seen.length} requests reached the upstream: ${answer.raw}`)
      }
      return first
    },
  }
}

export function outcomeOf({ answer, seen }: Exchange): Outcome {
  const sent = seen.map(({ method, target }) => `${method} ${target}`)
  const code = codeOf(answer)
  return { status: answer.status, ...(code === undefined ? {} : { code }), sent }
}

/** The code of a problem answer. */
export function codeOf(answer: Answer): string | undefined {
  const [type = ''] = headerValues(answer.headers, 'content-type')
  return type.startsWith('application/problem+json') ? JSON.parse(answer.body).code : undefined
}

/** A refusal by the gateway: nothing reached the upstream. */
export function refused(status: number, code: string): Outcome {
  return { status, code, sent: [] }
}

/** As a server that folds names would read it: lower case, all but letters and digits a dash. */
export function folded(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

/** Every header that a legacy API could take for an identity, sorted by name. */
export function identityOf(request: { readonly headers: HeaderList }): HeaderList {
  return request.headers
    .filter(([name]) => /^x-(dataporten|feideconnect|feide)-/.test(folded(name)))
    .sort(([a], [b]) => (a < b ? -1 : 1))
}
