/** Where things listen, and who asks in the demo. */
export interface Demo {
  readonly feideUrl: string
  readonly gatewayUrl: string
  readonly audience: string
  readonly clientId: string
  readonly clientSecret: string
  readonly user: string
  readonly userId: string
}

/** A step to paste into a shell. Later ones use the variables that earlier ones set. */
export interface Step {
  /** Free of quotes, brackets and `?`: a shell that knows no comments would trip over them. */
  readonly title: string
  readonly command: string
}

const FORM = {
  grant: 'grant_type=urn:ietf:params:oauth:grant-type:token-exchange',
  subject: 'subject_token_type=urn:ietf:params:oauth:token-type:access_token',
}

/** The guided tour of the local stack, in the order in which it must be run. */
export const tour = (demo: Demo): readonly Step[] => [
  ...asSystem(demo),
  asUser(demo),
  ...refused(demo),
]

const asSystem = ({ gatewayUrl, ...demo }: Demo): readonly Step[] => [
  {
    title: 'Get an opaque access token from Feide with client credentials',
    command: tokenCommand(demo, 'OPAQUE', '/oauth/token', ['grant_type=client_credentials']),
  },
  {
    title: 'Exchange it for a JWT for the data source, asking for the scope read only',
    command: exchangeCommand(demo, 'JWT', '$OPAQUE', 'read'),
  },
  {
    title: 'Call the API: it sees a client and no user',
    command: `curl -sS -w '\\n' -H "Authorization: Bearer $JWT" ${gatewayUrl}/courses`,
  },
]

const asUser = ({ gatewayUrl, ...demo }: Demo): Step => ({
  title: `Get tokens for the user ${demo.user} with all scopes, and call the API as that user`,
  command: [
    tokenCommand(demo, 'USER_OPAQUE', '/_local/login', [`user=${demo.user}`]),
    exchangeCommand(demo, 'USER_JWT', '$USER_OPAQUE'),
    `curl -sS -w '\\n' -H "Authorization: Bearer $USER_JWT" ${gatewayUrl}/me`,
    [
      `curl -sS -w '\\n' -H "Authorization: Bearer $USER_JWT"`,
      `  -H 'Content-Type: application/json' -d '{"title":"Botany"}' ${gatewayUrl}/courses`,
    ].join(' \\\n'),
  ].join('\n'),
})

const refused = ({ gatewayUrl, userId }: Demo): readonly Step[] => [
  {
    title: '401, no token',
    command: `curl -sS -i -w '\\n' ${gatewayUrl}/courses`,
  },
  {
    title: '403, the first token lacks the scope append',
    command: `curl -sS -i -w '\\n' -X POST -H "Authorization: Bearer $JWT" ${gatewayUrl}/courses`,
  },
  {
    title: 'A forged header does not make a user: youMustBe stays null',
    command: [
      `curl -sS -w '\\n' -H "Authorization: Bearer $JWT"`,
      `  -H 'X-Dataporten-Userid: ${userId}' ${gatewayUrl}/courses`,
    ].join(' \\\n'),
  },
]

type Issuer = Omit<Demo, 'gatewayUrl'>

const tokenCommand = (demo: Issuer, name: string, path: string, form: readonly string[]): string =>
  [
    [
      `${name}=$(curl -sS -u ${demo.clientId}:${demo.clientSecret}`,
      ...form.map(field => `  -d ${field}`),
      `  ${demo.feideUrl}${path} | ${PICK_TOKEN})`,
    ].join(' \\\n'),
    `echo "$${name}"`,
  ].join('\n')

// sed is everywhere, jq is not.
const PICK_TOKEN = `sed -E 's/.*"access_token":"([^"]+)".*/\\1/'`

const exchangeCommand = (demo: Issuer, name: string, subject: string, scope?: string): string =>
  tokenCommand(demo, name, '/oauth/token', [
    FORM.grant,
    FORM.subject,
    `"subject_token=${subject}"`,
    `audience=${demo.audience}`,
    ...(scope === undefined ? [] : [`scope=${scope}`]),
  ])
