import { z } from 'zod'
import {
  address,
  count,
  flag,
  fraction,
  httpUrl,
  ipRange,
  list,
  pem,
  size,
  text,
  time,
} from './scalars.ts'
import { admin } from './schema-admin.ts'
import { dataSource } from './schema-data-source.ts'

/**
 * The shape of the policy file (contract 1): one source for the parser, the JSON Schema and the
 * reference in the README. Unknown keys are errors everywhere. Descriptions are for editors.
 */

const limits = z
  .strictObject({
    headerTimeout: time('10s').describe('How long the headers of a request may take to arrive.'),
    requestTimeout: time('1h').describe(
      'How long a whole request may take to arrive, its body included.',
    ),
    bodyIdle: time('30s').describe('The longest pause of a caller within the body of a request.'),
    keepAlive: time('65s').describe('How long an idle connection is kept for its next request.'),
    headerCount: count(1, 100).default(100).describe('Header fields of a request; 100 at most.'),
    headerSize: size('1KiB', '64KiB')
      .prefault('32KiB')
      .describe('Names and values of the header fields together; 64KiB at most.'),
    connections: count(1).default(10_000).describe('Connections at once; one more is let go.'),
    connectionRequests: count(1)
      .default(10_000)
      .describe('Requests on one connection; it is closed with the last answer.'),
    tokens: count(1)
      .default(100_000)
      .describe('Verified tokens that are remembered, so that each is verified once.'),
    drain: time('30s').describe('How long requests in flight may take to finish after SIGTERM.'),
  })
  .describe('Limits on callers; each worker counts for itself.')

const tls = z
  .strictObject({
    cert: pem('a certificate').describe('The certificate and its chain: a PEM file, or its text.'),
    key: pem('a private key').describe('Its private key: a PEM file, or its text.'),
  })
  .describe('TLS for callers, with HTTP/2. Without it: plain HTTP, for TLS terminated in front.')

const log = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('The least severe lines that are written.'),
    format: z
      .enum(['json', 'pretty'])
      .default('json')
      .describe('One JSON object a line, or lines for a person at a terminal.'),
    userid: flag(false).describe('Whether a request line names the user. Personal data.'),
    sample: fraction()
      .default(1)
      .describe('The fraction of allowed requests whose line is written; all others always are.'),
  })
  .describe('Logs on stdout: one line for each request and for each change of state.')

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

/** The id of a data source. */
export const DATA_SOURCE_ID = /^[a-z][a-z0-9-]{1,62}$/

export const POLICY_FILE = z
  .strictObject({
    listen: address().prefault('127.0.0.1:8080').describe('Where callers are served.'),
    admin,
    tls: tls.optional(),
    workers: z
      .union([z.literal('auto'), count(1)], { error: 'a whole number above zero, or `auto`' })
      .default(1)
      .describe('Processes that serve callers; `auto` for one per core.'),
    trustedProxies: z
      .array(ipRange())
      .default([])
      .describe('Addresses whose X-Forwarded-*, Forwarded and X-Real-IP are believed.'),
    log: log.prefault({}),
    limits: limits.prefault({}),
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
