import { z } from 'zod'
import {
  address,
  duration,
  headerName,
  headerText,
  hostName,
  httpUrl,
  ipRange,
  scope,
  size,
  text,
} from './scalars.ts'

/**
 * The shape of the policy file (contract 1): one source for the parser, the JSON Schema and the
 * reference in the README. Unknown keys are errors everywhere. Descriptions are for editors.
 */

/** A default is given as it stands in the file, so that the JSON Schema shows it that way. */
const flag = (value: boolean) => z.boolean().default(value)
const time = (value: string) => duration().prefault(value)
const list = <T extends z.ZodType>(item: T, expected: string) =>
  z.array(item).min(1, { error: expected })

const listen = z
  .strictObject({
    headerTimeout: time('10s').describe('How long the headers of a request may take to arrive.'),
    bodyIdle: time('30s').describe('The longest pause of a caller within the body of a request.'),
    keepAlive: time('65s').describe('How long an idle connection is kept for its next request.'),
    connections: z
      .int({ error: 'a whole number above zero' })
      .min(1, { error: 'a whole number above zero' })
      .default(10_000)
      .describe('Connections at once; one more is let go.'),
    drain: time('30s').describe('How long requests in flight may take to finish after SIGTERM.'),
  })
  .describe('Limits on callers.')

const log = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('The least severe lines that are written.'),
    userid: flag(false).describe('Whether a request line names the user. Personal data.'),
  })
  .describe('Logs: one JSON object a line on stdout.')

/** Asymmetric signatures only: `none` and HS* are nobody's to configure. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
  'EdDSA',
] as const

const issuer = z
  .strictObject({
    url: httpUrl().describe(
      'Must equal `iss` of a token byte for byte. The keys are found through its /.well-known/openid-configuration.',
    ),
    jwksUri: httpUrl().optional().describe('Where the key set is; skips discovery.'),
    allowHttp: flag(false).describe('Accept http:// for other addresses than loopback ones.'),
    algorithms: list(z.enum(ALGORITHMS), 'at least one algorithm')
      .default(['RS256'])
      .describe('Signature algorithms that are accepted; never `none`, never HS*.'),
    clockTolerance: time('5s').describe('By how much clocks may differ.'),
    maxLifetime: time('10m').describe('The longest time between `iat` and `exp` of a token.'),
  })
  .describe('Who issues the tokens.')

const keys = z
  .strictObject({
    refresh: time('10m').describe('Background refresh of the key set; no request waits for it.'),
    staleFor: time('24h').describe(
      'How long the last good key set serves when the issuer is away.',
    ),
    unknownKidCooldown: time('30s').describe(
      'At most one fetch for unknown key ids in this time, counted from any fetch.',
    ),
  })
  .describe("The issuer's key set (JWKS).")

const redis = z
  .strictObject({
    url: text(/^rediss?(?:\+sentinel|\+cluster)?:\/\/\S+$/, 'a redis:// or rediss:// URL').describe(
      'redis:// or rediss://; redis+sentinel://HOST:PORT,…/GROUP, redis+cluster://HOST:PORT,….',
    ),
    prefix: z.string().default('feide-gateway:').describe('Put before every key.'),
    secret: z
      .string()
      .min(1, { error: 'a secret' })
      .optional()
      .describe('Authenticates (HMAC-SHA-256) what is read back from Redis.'),
  })
  .describe('Shares the key set between gateways. Without it the key set lives in memory only.')

const basic = z
  .strictObject({
    username: text(/^[^:\x00-\x1f\x7f]+$/, 'a user name without colon').describe('The user name.'),
    password: text(/^[^\x00-\x1f\x7f]+$/, 'a password').describe('The password.'),
  })
  .describe('Basic credentials (RFC 7617), as the old gatekeeper sent them.')

const credentials = z
  .union(
    [
      z.enum(['forward', 'none']),
      z.strictObject({ basic }),
      z.strictObject({
        bearer: headerText().describe('A fixed token, sent as `Authorization: Bearer`.'),
      }),
    ],
    { error: '{ basic: { username, password } }, { bearer }, `forward` or `none`' },
  )
  .default('none')
  .describe("How the upstream knows the gateway. `forward` sends the caller's JWT on.")

const upstreamMap = z
  .strictObject({
    url: httpUrl().optional().describe("The API's URL; its path is put before the request's."),
    urls: list(httpUrl(), 'at least one URL').optional().describe('Several, to balance over.'),
    credentials,
    host: z
      .union([z.enum(['upstream', 'preserve']), text(HOST_HEADER(), 'a host name')])
      .default('upstream')
      .describe(
        "`Host` for the upstream: its own (`upstream`), the caller's (`preserve`) or a name.",
      ),
    connectTimeout: time('5s').describe('How long a connection may take to come about.'),
    timeout: time('30s').describe('From the whole request to the first byte of the answer.'),
    idleTimeout: time('120s').describe('The longest pause between two bytes of a body.'),
  })
  .describe('The unmodified API behind the gateway.')

function HOST_HEADER() {
  return /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[1-9]\d{0,3}|:[1-5]\d{4}|:6[0-4]\d{3})?$/
}

const upstream = z
  .union([httpUrl(), upstreamMap], { error: 'a URL, or a map with `url`' })
  .describe('The unmodified API behind the gateway: its URL, or a map.')

const inject = z
  .strictObject({
    claim: z.string().min(1, { error: 'the name of a claim' }).describe('The name of the claim.'),
    encoding: z
      .enum(['ascii', 'percent', 'base64url', 'utf8'])
      .default('ascii')
      .describe('How its text is written; `percent` and `base64url` carry any text.'),
  })
  .describe('A claim to copy.')

const headers = z
  .strictObject({
    profile: z
      .enum(['dataporten', 'feideconnect', 'none'])
      .default('dataporten')
      .describe('Which headers of the old gatekeeper are sent: X-Dataporten-*, X-FeideConnect-*.'),
    gatekeeper: headerText()
      .optional()
      .describe('Value of the gatekeeper header; default: the id.'),
    userid: flag(true).describe('Whether the user id is sent.'),
    useridSec: z
      .array(text(/^[a-z][a-z0-9_-]*$/, 'a kind of secondary id such as feide or nin'))
      .default(['feide'])
      .describe('Which kinds of secondary ids are sent.'),
    scopes: z
      .strictObject({
        rename: z
          .record(scope(), scope())
          .default({})
          .describe('Scope of the token: name to send.'),
        drop: z.array(scope()).default([]).describe('Scopes (after renaming) not to send.'),
      })
      .prefault({})
      .describe('How scopes are written to the scopes header.'),
    inject: z
      .record(headerName(), inject)
      .default({})
      .describe('Further headers, from claims of the token.'),
    strip: z.array(headerName()).default([]).describe('Further names never taken from a caller.'),
    allow: z
      .array(headerName())
      .default([])
      .describe('Names with unusual characters, such as api_key, that may pass.'),
  })
  .describe('What the upstream is told about the caller.')

const paths = z
  .strictObject({
    allow: z
      .array(z.enum(['%2F', ';', '//']))
      .default([])
      .describe('Let `%2F`, `;` (with `%3B`) or `//` through, as plain bytes.'),
    case: z
      .enum(['sensitive', 'insensitive'])
      .default('sensitive')
      .describe('Whether upper and lower case differ in paths.'),
  })
  .describe('Opt-ins for unusual paths.')

const scopeList = list(scope(), 'at least one scope')

const routeMap = z
  .strictObject({
    scopes: z
      .union(
        [
          scopeList,
          z.strictObject({
            anyOf: list(z.union([scope(), scopeList]), 'at least one alternative').describe(
              'Alternatives: a scope, or a list of which all are asked for.',
            ),
          }),
        ],
        { error: 'a list of scopes, or { anyOf: […] }' },
      )
      .describe('The scopes that are asked for: all of a list, or one alternative of `anyOf`.'),
    principal: z
      .enum(['user', 'system', 'any'])
      .default('any')
      .describe('Whom the token must speak for.'),
    clients: list(text(/^[!-+\--~]{1,255}$/, 'a client id'), 'at least one client id')
      .optional()
      .describe('Client ids that may use the route; without it: any.'),
  })
  .describe('What the route asks for.')

const route = z
  .union([z.enum(['authenticated', 'public']), routeMap], {
    error: '{ scopes: […] }, `authenticated` or `public`',
  })
  .describe('What the route asks for: scopes, `authenticated` (any valid token) or `public`.')

const dataSource = z
  .strictObject({
    audience: z
      .union([headerText(), list(headerText(), 'at least one audience')], {
        error: 'an audience, or a list of them',
      })
      .describe("The data source's name in `aud` of a token: one, or a list."),
    hosts: list(hostName(), 'at least one host name')
      .optional()
      .describe('Hosts that it serves; without it: any that no other data source names.'),
    upstream,
    headers: headers.prefault({}),
    paths: paths.prefault({}),
    maxBody: z
      .union([z.literal('none'), size()], { error: 'a size such as 10MiB, or `none`' })
      .prefault('10MiB')
      .describe('The largest body of a request.'),
    routes: z
      .record(z.string(), route)
      .refine(routes => Object.keys(routes).length > 0, { error: 'at least one route' })
      .describe('`METHOD[,METHOD] PATTERN`: what it asks for. What has no route is refused.'),
  })
  .describe('One protected API as registered with Feide.')

/** The id of a data source. */
export const DATA_SOURCE_ID = /^[a-z][a-z0-9-]{1,62}$/

export const POLICY_FILE = z
  .strictObject({
    listen: address().prefault('127.0.0.1:8080').describe('Where callers are served.'),
    admin: z
      .union([z.literal('off'), address()], {
        error: 'an address such as 127.0.0.1:9090, or `off`',
      })
      .prefault('127.0.0.1:9090')
      .describe('Where health, metrics and status are served; `off` for nowhere.'),
    workers: z
      .union(
        [
          z.literal('auto'),
          z
            .int({ error: 'a whole number above zero' })
            .min(1, { error: 'a whole number above zero' }),
        ],
        { error: 'a whole number above zero, or `auto`' },
      )
      .default(1)
      .describe('Processes; `auto` is one per core.'),
    trustedProxies: z
      .array(ipRange())
      .default([])
      .describe('Addresses whose X-Forwarded-*, Forwarded and X-Real-IP are believed.'),
    log: log.prefault({}),
    limits: listen.prefault({}),
    issuer,
    keys: keys.prefault({}),
    redis: redis.optional(),
    dataSources: z
      .record(z.string(), dataSource)
      // Checked in `checks.ts`, so that a wrong id hides no fault of what it names.
      .meta({ propertyNames: { type: 'string', pattern: DATA_SOURCE_ID.source } })
      .refine(sources => Object.keys(sources).length > 0, { error: 'at least one data source' })
      .describe('The protected APIs, by id.'),
  })
  .describe('The policy of a feide-gateway.')

export type PolicyFile = z.output<typeof POLICY_FILE>
export type DataSourceFile = PolicyFile['dataSources'][string]
