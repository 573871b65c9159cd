import { z } from 'zod'
import {
  flag,
  headerName,
  headerText,
  hostName,
  httpUrl,
  list,
  scope,
  size,
  text,
  time,
} from './scalars.ts'

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

/** One entry of `dataSources`. */
export const dataSource = z
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
