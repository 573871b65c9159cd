import { z } from 'zod'
import { list, scope, text } from './scalars.ts'

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
    enforce: z
      .boolean()
      .optional()
      .describe(
        '`false` lets through, and marks, who lacks the scopes or is not the principal; default: that of the data source.',
      ),
  })
  .describe('What the route asks for.')

export const route = z
  .union([z.enum(['authenticated', 'public']), routeMap], {
    error: '{ scopes: […] }, `authenticated` or `public`',
  })
  .describe('What the route asks for: scopes, `authenticated` (any valid token) or `public`.')
