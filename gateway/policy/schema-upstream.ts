import { z } from 'zod'
import { count, headerText, httpUrl, list, pem, text, time } from './scalars.ts'

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

const health = z
  .strictObject({
    path: text(/^\/[!-~]*$/, 'a path such as /health').describe(
      "Asked for with GET, behind the URL's own path, without token and credentials.",
    ),
    every: time('10s').describe('How often; an answer may take as long.'),
  })
  .describe('Looks whether each origin lives. Any answer below 500 says so.')

const upstreamTls = z
  .strictObject({
    ca: pem('certificates')
      .optional()
      .describe(
        "Who may vouch for the upstream, instead of the system's: a PEM file, or its text.",
      ),
    cert: pem('a certificate')
      .optional()
      .describe('The certificate that the gateway shows: a PEM file, or its text.'),
    key: pem('a private key').optional().describe('Its private key: a PEM file, or its text.'),
    serverName: text(
      /^(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+$/,
      'a host name such as legacy.example.no',
    )
      .optional()
      .describe('The name that its certificate must have, where that is not the one in the URL.'),
  })
  .describe('How an https:// upstream is verified. There is no way not to.')

const HOST_HEADER =
  /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[1-9]\d{0,3}|:[1-5]\d{4}|:6[0-4]\d{3})?$/

export const UPSTREAM_MAP = z
  .strictObject({
    url: httpUrl().optional().describe("The API's URL; its path is put before the request's."),
    urls: list(httpUrl(), 'at least one URL').optional().describe('Several, to balance over.'),
    credentials,
    host: z
      .union([z.enum(['upstream', 'preserve']), text(HOST_HEADER, 'a host name')])
      .default('upstream')
      .describe(
        "`Host` for the upstream: its own (`upstream`), the caller's (`preserve`) or a name.",
      ),
    connectTimeout: time('5s').describe('How long a connection may take to come about.'),
    timeout: time('30s').describe('From the whole request to the first byte of the answer.'),
    idleTimeout: time('120s').describe('The longest pause between two bytes of a body.'),
    maxConnections: count(1)
      .default(10_000)
      .describe('Requests and WebSockets at once, each with a connection of its own.'),
    maxPending: count(0)
      .default(1_000)
      .describe('Requests that wait for one of those; one more is refused with 503.'),
    health: health.optional(),
    tls: upstreamTls.optional(),
  })
  .describe('The unmodified API behind the gateway.')
