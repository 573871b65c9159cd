import {
  createExchanger,
  type Exchanged,
  type ExchangeMemory,
  type Exchanger,
  isNotExchanged,
  type NotExchanged,
} from '../feide/exchanger.ts'
import {
  findTokenEndpoint,
  type Granted,
  headerSafe,
  type TokenEndpoint,
} from '../feide/token-endpoint.ts'
import type { DataSource, FeideCredentials, VerifiedToken } from '../model.ts'
import { type Denial, deny } from '../policy/denial.ts'
import type { IssuerPolicy, Policy } from '../policy/policy.ts'
import { parseRedisUrl } from '../policy/redis-url.ts'
import { openExchangedStore } from './exchanged-store.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** What the gateway itself gets from Feide for a request: in exchange for the caller's token. */
export interface Exchanges {
  /** A JWT for an opaque token; `undefined` where the data source does not ask for that. */
  readonly jwtFor: (
    dataSource: DataSource,
    opaque: string,
  ) => string | Denial | Promise<string | Denial> | undefined
  /** The opaque token for `X-Dataporten-token`; `undefined` where there is none to be sent. */
  readonly apiTokenFor: (
    dataSource: DataSource,
    token: VerifiedToken,
  ) => string | undefined | Denial | Promise<string | undefined | Denial>
  readonly close: () => void
}

export interface ExchangesParts {
  readonly policy: Policy
  readonly memory: ExchangeMemory
  readonly log: Log
  readonly metrics: Metrics
}

/** Milliseconds for one request to Feide: a caller waits for it. */
const TIMEOUT = 3_000

/** The exchanges of a policy. */
export function createExchanges({ policy, memory, log, metrics }: ExchangesParts): Exchanges {
  const { issuer } = policy
  const store = openStore(policy, log, metrics)
  const exchangers = new Map<FeideCredentials, Exchanger>()

  const exchangerFor = (
    { id, audiences }: DataSource,
    credentials: FeideCredentials,
    direction: 'in' | 'out',
    run: (endpoint: TokenEndpoint, subject: string) => Promise<Granted>,
  ): Exchanger => {
    const known = exchangers.get(credentials)
    if (known) return known
    const endpoint = endpointFor(issuer, credentials)
    const { clientId, scope } = credentials
    const exchanger = createExchanger({
      name: JSON.stringify([direction, issuer.url, clientId, scope, audiences]),
      memory,
      ask: async subject => headerSafe(await run(await endpoint(), subject)),
      store,
      now: Date.now,
      onOutcome: outcomeTeller(id, direction, log, metrics),
    })
    exchangers.set(credentials, exchanger)
    return exchanger
  }

  const jwtFor: Exchanges['jwtFor'] = (dataSource, opaque) => {
    const { exchange, audiences } = dataSource
    const [audience = ''] = audiences
    if (!exchange) return undefined
    const exchanger = exchangerFor(dataSource, exchange, 'in', (endpoint, subjectToken) =>
      endpoint.exchange({ subjectToken, audience, scope: exchange.scope }),
    )
    return later(exchanger(opaque, Number.POSITIVE_INFINITY), outcome => {
      if (!isNotExchanged(outcome)) return outcome.token
      return outcome.notExchanged === 'refused' ? refusedBy(outcome) : awayFor(outcome)
    })
  }

  const apiTokenFor: Exchanges['apiTokenFor'] = (dataSource, { text, expiresAt }) => {
    const { apiToken } = dataSource.headers
    if (!apiToken) return undefined
    const exchanger = exchangerFor(dataSource, apiToken, 'out', (endpoint, jwt) =>
      endpoint.exchangeBack({ jwt, scope: apiToken.scope }),
    )
    return later(exchanger(text, expiresAt * 1000 + issuer.clockTolerance), outcome => {
      if (!isNotExchanged(outcome)) return outcome.token
      return apiToken.required
        ? deny(...NO_API_TOKEN, { dataSource, cause: outcome.why })
        : undefined
    })
  }

  return { jwtFor, apiTokenFor, close: () => store?.close() }
}

/**
 * Counts outcomes, and logs each change of state. That Feide refuses a caller's opaque token is none: the
 * line of the request says so.
 */
function outcomeTeller(
  dataSource: string,
  direction: 'in' | 'out',
  log: Log,
  { tokenExchanges }: Metrics,
) {
  let wrong: string | undefined
  return (outcome: 'success' | 'refused' | 'unavailable', why?: string): void => {
    tokenExchanges.inc({ data_source: dataSource, direction, outcome })
    const isFine = outcome === 'success' || (outcome === 'refused' && direction === 'in')
    const before = wrong
    wrong = isFine ? undefined : outcome
    if (wrong === before) return
    if (isFine) log.info({ dataSource, direction }, 'exchange is back')
    else log.warn({ dataSource, direction, notExchanged: outcome, why }, 'no exchange')
  }
}

/** Gateways share what they exchanged where it can be encrypted. */
function openStore({ redis, dataSources }: Policy, log: Log, metrics: Metrics) {
  const address = redis && parseRedisUrl(redis.url)
  const exchanges = dataSources.some(({ exchange, headers }) => exchange || headers.apiToken)
  if (!exchanges || !address || redis.secret === undefined) return undefined
  const settings = { address, prefix: redis.prefix, secret: redis.secret }
  let ignored: string | undefined
  return openExchangedStore(settings, {
    // The store of the key set tells of the same Redis.
    onState: () => {},
    onIgnored: why => {
      metrics.storedKeysIgnored.inc()
      if (why !== ignored) log.warn({ why }, 'a value in redis is ignored')
      ignored = why
    },
  })
}

/** Finds the endpoint when it is needed first, and again after a failure. */
function endpointFor(
  { url, allowHttp }: IssuerPolicy,
  { clientId, clientSecret }: FeideCredentials,
) {
  let found: Promise<TokenEndpoint> | undefined
  return (): Promise<TokenEndpoint> => {
    const client = { id: clientId, secret: clientSecret }
    found ??= findTokenEndpoint(url, client, { timeout: TIMEOUT, allowHttp })
    found.catch(() => {
      found = undefined
    })
    return found
  }
}

/** At once where it is known at once. */
const later = <T>(
  outcome: Exchanged | Promise<Exchanged | NotExchanged>,
  read: (outcome: Exchanged | NotExchanged) => T,
): T | Promise<T> => (outcome instanceof Promise ? outcome.then(read) : read(outcome))

const refusedBy = ({ why }: NotExchanged): Denial =>
  deny('token_opaque', `Feide does not exchange this opaque token for this API: ${why}`)

const awayFor = ({ why }: NotExchanged): Denial =>
  deny(
    'exchange_unavailable',
    'This opaque token has to be exchanged, and Feide cannot be asked at the moment',
    { retryAfter: 1, cause: why },
  )

const NO_API_TOKEN = [
  'api_token_unavailable',
  'The API needs a token of its own from Feide, which could not be had',
] as const
