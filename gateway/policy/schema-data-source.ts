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
} from './scalars.ts'
import { UPSTREAM_MAP } from './schema-upstream.ts'

const upstream = z
  .union([httpUrl(), UPSTREAM_MAP], { error: 'a URL, or a map with `url`' })
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

/** The credentials of the data source, or of a client, at Feide. */
const feideCredentials = {
  clientId: text(/^[!-~]+$/, 'a client id').describe('The client id at Feide.'),
  clientSecret: text(/^[!-~]+$/, 'a client secret').describe('Its secret.'),
  scope: text(/^[!-~]+(?: [!-~]+)*$/, 'scopes, separated by single spaces')
    .optional()
    .describe('The scopes to ask for, space separated; without it all that may be had.'),
}

const apiToken = z
  .strictObject({
    ...feideCredentials,
    failure: z
      .enum(['optional', 'required'])
      .default('optional')
      .describe('Without a token the header is absent (`optional`), or the request gets 502.'),
  })
  .describe(
    "Sends X-Dataporten-token: an opaque token from the data source's own exchange at Feide.",
  )

const exchange = z
  .strictObject(feideCredentials)
  .describe('Takes opaque Feide tokens of old clients, and exchanges them for a JWT at Feide.')

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
    token: apiToken.optional(),
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

const websocket = z
  .strictObject({
    closeAtExpiry: flag(true).describe('Whether a WebSocket is closed when its token expires.'),
  })
  .describe('WebSockets.')

const streams = z
  .strictObject({
    closeAtExpiry: flag(false).describe(
      'Whether an answer that still runs, an event stream say, is broken off when its token expires.',
    ),
  })
  .describe('Answers that take long.')

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
    exchange: exchange.optional(),
    upstream,
    headers: headers.prefault({}),
    paths: paths.prefault({}),
    maxBody: z
      .union([z.literal('none'), size()], { error: 'a size such as 10MiB, or `none`' })
      .prefault('10MiB')
      .describe('The largest body of a request.'),
    websocket: websocket.prefault({}),
    streams: streams.prefault({}),
    routes: z
      .record(z.string(), route)
      .refine(routes => Object.keys(routes).length > 0, { error: 'at least one route' })
      .describe('`METHOD[,METHOD] PATTERN`: what it asks for. What has no route is refused.'),
  })
  .describe('One protected API as registered with Feide.')
