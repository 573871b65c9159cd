import { z } from 'zod'
import { flag, headerText, hostName, httpUrl, list, size } from './scalars.ts'
import { feideCredentials, headers } from './schema-headers.ts'
import { route } from './schema-route.ts'
import { UPSTREAM_MAP } from './schema-upstream.ts'

const upstream = z
  .union([httpUrl(), UPSTREAM_MAP], { error: 'a URL, or a map with `url`' })
  .describe('The unmodified API behind the gateway: its URL, or a map.')

const exchange = z
  .strictObject(feideCredentials)
  .describe('Takes opaque Feide tokens of old clients, and exchanges them for a JWT at Feide.')

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
    enforce: flag(true).describe(
      '`false` lets through, and marks, who lacks the scopes of a route or is not its principal.',
    ),
    websocket: websocket.prefault({}),
    streams: streams.prefault({}),
    routes: z
      .record(z.string(), route)
      .refine(routes => Object.keys(routes).length > 0, { error: 'at least one route' })
      .describe('`METHOD[,METHOD] PATTERN`: what it asks for. What has no route is refused.'),
  })
  .describe('One protected API as registered with Feide.')
