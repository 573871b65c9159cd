import { z } from 'zod'
import { ANSWERS, type DenyReason } from './denial.ts'
import { headerName, list, size, text } from './scalars.ts'

/** The shape of a file of policy tests, for `feide-gateway test`: its parser and its JSON Schema. */

/** What only happens with real tokens, real connections and a real Feide: no test can expect it. */
const NOT_HERE: readonly DenyReason[] = [
  ...(['token_algorithm', 'token_key_unknown', 'token_signature', 'keys_unavailable'] as const),
  ...(['exchange_unavailable', 'api_token_unavailable', 'request_timeout'] as const),
  ...(['upstream_unavailable', 'upstream_timeout'] as const),
]

const CODES = (Object.keys(ANSWERS) as DenyReason[]).filter(code => !NOT_HERE.includes(code))

/** What `enforce: false` lets through, and `none`. */
const SHADOWS = ['none', 'scope_missing', 'user_required', 'system_required'] as const

const claims = () => z.record(z.string(), z.unknown())

const principalName = () => text(/^[A-Za-z][A-Za-z0-9_-]*$/, 'the name of a principal')

const headerValues = () =>
  z.record(
    headerName(),
    z.union([z.string(), list(z.string(), 'a value')], {
      error: 'text in quotes, or a list of it',
    }),
  )

const expected = z
  .union(
    [
      z.enum(['allow', 'metadata', ...CODES]),
      z.strictObject({
        path: text(/^\/\S*$/, 'a path such as /base/courses?page=2')
          .optional()
          .describe('What the API is asked for: base path, path and query.'),
        headers: headerValues()
          .default({})
          .describe('Headers that the API gets, among others: exactly these values.'),
        shadow: z
          .enum(SHADOWS, { error: SHADOWS.join(', ') })
          .optional()
          .describe('What it would have been refused for, where `enforce: false` lets it through.'),
        without: z.array(headerName()).default([]).describe('Headers that the API does not get.'),
      }),
    ],
    { error: '`allow`, a code such as scope_missing, or a map of what the API gets' },
  )
  .describe(
    'What comes of it: `allow` (marked or not), the code of a refusal, `metadata` (RFC 9728, answered by the gateway), or what the API gets.',
  )

const testCase = z
  .strictObject({
    name: text(/\S/, 'a name').optional().describe('What the case shows; default: its request.'),
    request: text(
      /^[A-Za-z-]+ (?:https?:\/\/[^\s/?#]+|\/)\S*$/,
      'METHOD and a path or URL, such as GET /courses?page=2',
    ).describe('METHOD and a path or URL. A path alone is asked for at a host of the policy.'),
    as: z
      .union([principalName(), list(principalName(), 'at least one principal')], {
        error: 'the name of a principal, or a list of them',
      })
      .optional()
      .describe('Whose token comes with it, or several, one after the other; default: none.'),
    scope: z
      .union([z.string(), z.array(z.string())], {
        error: 'scopes, in a list or separated by spaces',
      })
      .transform(scopes => [scopes].flat().join(' '))
      .optional()
      .describe(
        "The scopes of the token, instead of the principal's: a list, or separated by spaces.",
      ),
    claims: claims().optional().describe("Further claims of the token, over the principal's."),
    headers: headerValues().default({}).describe('Further headers of the request.'),
    body: size().optional().describe('The length of the body that is announced.'),
    from: text(/^[0-9a-fA-F.:]+$/, 'an IP address')
      .default('127.0.0.1')
      .describe('The address of whoever connects.'),
    expect: expected,
  })
  .describe('One request, and what is to come of it.')

export const CASE_FILE = z
  .strictObject({
    policy: text(/\S/, 'the path of a policy file')
      .optional()
      .describe('The policy file, relative to this one; --policy names another.'),
    env: z
      .record(z.string(), z.string())
      .default({})
      .describe('Variables of the policy, before those of the environment.'),
    principals: z
      .record(principalName(), claims())
      .default({})
      .describe(
        'Claims of tokens, by a name. What every token has (iss, aud, iat, nbf, exp) is filled in.',
      ),
    cases: list(testCase, 'at least one case').describe('The cases.'),
  })
  .describe('Tests of a policy, for `feide-gateway test`.')

export type CaseFile = z.output<typeof CASE_FILE>
export type TestCase = CaseFile['cases'][number]
