import { z } from 'zod'
import { flag, headerName, headerText, scope, text } from './scalars.ts'

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
export const feideCredentials = {
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

export const headers = z
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
