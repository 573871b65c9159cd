import type { DenyReason } from '../../policy/denial.ts'

/** What an operator does about a refusal; a new reason does not compile until it has its advice. */
export const ADVICE: Readonly<Record<DenyReason, string>> = {
  host_unknown:
    'The caller used a host name that no data source lists under `hosts`. Add it there, or tell the caller the right address.',
  route_unknown:
    'No route of the policy has the path that was asked for. Try the path below; add a route if the API is to have it.',
  method_not_allowed:
    'The path has a route, but not with this method. Add the method to the route if the API is to take it.',
  path_ambiguous:
    'Two programs could read this path in two ways. The caller has to write it plainly; `paths.allow` opens some of these for APIs that need them.',
  request_malformed:
    'The caller’s program sends what is not sound HTTP. It has to be mended there.',
  body_too_large: 'Raise `maxBody` of the data source, if the API takes more.',
  headers_too_many: 'The caller sends too many header fields; see `limits.headerCount`.',
  headers_too_large: 'The caller sends too long headers; see `limits.headerSize`.',
  target_too_long: 'The caller’s address is longer than 16 KiB. It has to be shortened there.',
  request_timeout: 'The caller was too slow, or its connection bad; see `limits`.',
  token_missing:
    'The caller sent no token. It has to get a JWT from Feide’s token exchange and send it as `Authorization: Bearer`.',
  token_opaque:
    'The caller sent the token that it got from Feide at login. It has to exchange it for a JWT first, at Feide’s token endpoint, for the audience of this API.',
  token_malformed:
    'What the caller sent as a token is cut off, damaged, or no JWT at all. Have it look at what it sends.',
  token_algorithm:
    'Tokens of Feide are signed with RS256. Another algorithm means another issuer, or a forgery; see `issuer.algorithms`.',
  token_expired:
    'Tokens live five minutes. The caller has to exchange again when its token has expired, and not keep it.',
  token_not_yet_valid:
    'The clock of this machine is behind the clock of Feide. See that the time is set by the network (NTP).',
  token_lifetime: 'The token was issued for longer than `issuer.maxLifetime` allows.',
  token_issuer:
    'The token is from another issuer than `issuer.url`: from a test environment, most often.',
  token_audience:
    'The caller exchanged its token for another API. It has to ask for the audience of this one.',
  token_claims: 'The token is not what Feide issues for an API: an ID token, most often.',
  token_key_unknown:
    'The key that signed the token is not among those that the issuer publishes. Feide has withdrawn it, somebody here has distrusted it, or the token is from elsewhere.',
  token_signature: 'The token was changed on its way, or forged.',
  scope_missing:
    'The client has to be given these access levels in Feide’s customer portal, and to ask for them in the token exchange.',
  user_required:
    'The token speaks for a program; this route is for people. The client has to exchange the token of a user who is logged in.',
  system_required:
    'The token speaks for a person; this route is for programs. The client has to use a token of its own (client credentials).',
  client_not_allowed: 'Add the client’s id to `clients` of the route, if it may use it.',
  keys_unavailable:
    'The issuer’s keys cannot be fetched, so no token can be checked. See the state of the keys above: most often the way to the issuer is shut by a firewall or proxy.',
  exchange_unavailable: 'Feide’s token endpoint does not answer. See the log for why.',
  api_token_unavailable:
    'Feide does not give the token that the API needs. See the log for why; `headers.token.failure: optional` lets requests through without it.',
  upstream_unavailable: 'The API is down, or the gateway has no way to it.',
  upstream_timeout: 'The API took longer than `upstream.timeout`.',
  claim_unrepresentable:
    'A claim has characters that a header cannot have. Choose another `encoding` for it.',
}
