import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { notePrivate } from './private.ts'

export const AUDIENCE = 'https://n.feide.no/datasources/02d0f79b-7fbc-422b-bb31-a4d22121f040'
export const CLIENT_ID = '208335d4-e8c1-4910-8928-05b2e5b14127'
export const USER_ID = '76a7a061-3c55-430d-8ee0-6f82ec42501f'
export const CLAIM = 'https://n.feide.no/claims/'

export type Claims = Record<string, unknown>
export type Jwk = Record<string, unknown>

/** How the issuer misbehaves; `undefined` is good service. */
export type IssuerFault =
  | 'down' // the connection is cut without an answer
  | 'error' // 500
  | 'html' // 200 with a web page
  | 'empty' // a key set without keys
  | 'garbage' // JSON that is no key set
  | 'huge' // an answer of 32 MiB
  | 'redirect' // 302 to itself
  | 'slow' // never answers
  | undefined

export type SignOptions = {
  /** Members of the header; `undefined` removes one. Text is taken as the raw header. */
  readonly header?: Record<string, unknown> | string
  readonly key?: KeyObject
}

export type IssuerOptions = {
  readonly port?: number
  /** The key id of the first key; `null` for a key without one. */
  readonly kid?: string | null
  /** The `issuer` in the discovery document where it is to differ from the url. */
  readonly issuer?: string
}

export type Issuer = {
  readonly url: string
  readonly jwksUri: string
  readonly kid: string | undefined
  readonly privateKey: KeyObject
  /** Fetches of the key set so far, failed ones included. */
  readonly fetches: number
  /** Fetches of the discovery document so far. */
  readonly discoveries: number
  /** The public keys that are served; tests may change the list. */
  keys: Jwk[]
  fail: IssuerFault
  /** A compact JWS; the payload may be anything, so that malformed tokens are possible. */
  sign(payload: object | string | Buffer, options?: SignOptions): string
  /** Signs `header.payload` as it stands, in whatever encoding, and adds the signature. */
  signText(input: string, key?: KeyObject): string
  /** A full, valid set of a user's claims; `undefined` in the overrides removes a member. */
  claims(overrides?: Claims): Claims
  token(overrides?: Claims, options?: SignOptions): string
  /** A token of a client that acts for itself: `sub` equals `client_id`. */
  systemToken(overrides?: Claims, options?: SignOptions): string
  /** Makes a new key, serves its public half and signs with it from now on. */
  rotate(kid: string): void
  close(): Promise<void>
}

type Signer = { readonly kid: string | undefined; readonly privateKey: KeyObject }

/** An RSA key pair, with its public half as a JWK fit for a key set. */
export function rsaKey(kid: string | undefined, modulusLength = 2048) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength })
  return { privateKey, jwk: publicJwk(privateKey, { kid, use: 'sig', alg: 'RS256' }) }
}

/** The public half of a key as a JWK, with further members. */
export function publicJwk(key: KeyObject, members: Jwk = {}): Jwk {
  const jwk = createPublicKey(key).export({ format: 'jwk' })
  return withoutUndefined({ ...jwk, ...members })
}

/** base64url without padding, as in a compact JWS. */
export function b64(value: object | string | Buffer): string {
  return bytesOf(value).toString('base64url')
}

/** A real HTTP server that stands in for Feide: discovery document, key set, tokens made by hand. */
export async function startIssuer(options: IssuerOptions = {}): Promise<Issuer> {
  const kid = options.kid === null ? undefined : (options.kid ?? 'key-1')
  const first = rsaKey(kid)
  let signer: Signer = { kid, privateKey: first.privateKey }
  const counts = { jwks: 0, discovery: 0 }
  const sockets = new Set<Socket>()

  const server = createServer((request, response) => {
    const isJwks = request.url === '/openid/jwks'
    const isDiscovery = request.url === '/.well-known/openid-configuration'
    if (isJwks) counts.jwks += 1
    if (isDiscovery) counts.discovery += 1
    if (issuer.fail !== undefined) return FAULTS[issuer.fail](response)
    if (isJwks) return json(response, { keys: issuer.keys })
    if (isDiscovery) return json(response, discoveryOf(issuer, options.issuer))
    response.writeHead(404).end()
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const issuer: Issuer = {
    url,
    jwksUri: `${url}/openid/jwks`,
    get kid() {
      return signer.kid
    },
    get privateKey() {
      return signer.privateKey
    },
    get fetches() {
      return counts.jwks
    },
    get discoveries() {
      return counts.discovery
    },
    keys: [first.jwk],
    fail: undefined,
    sign: (payload, signOptions = {}) => signWith(signer, payload, signOptions),
    signText: (input, key = signer.privateKey) => withSignature(input, key),
    claims: (overrides = {}) => claimsOf(url, overrides),
    token: (overrides = {}, signOptions = {}) =>
      signWith(signer, claimsOf(url, overrides), signOptions),
    systemToken: (overrides = {}, signOptions = {}) =>
      signWith(signer, claimsOf(url, { ...SYSTEM, ...overrides }), signOptions),
    rotate(nextKid) {
      const next = rsaKey(nextKid)
      signer = { kid: nextKid, privateKey: next.privateKey }
      issuer.keys = [...issuer.keys, next.jwk]
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
  return issuer
}

const SYSTEM: Claims = {
  sub: CLIENT_ID,
  name: undefined,
  [`${CLAIM}eduPersonPrincipalName`]: undefined,
  [`${CLAIM}userid_sec`]: undefined,
}

function claimsOf(iss: string, overrides: Claims): Claims {
  const now = Math.floor(Date.now() / 1000)
  const client = overrides.client_id ?? CLIENT_ID
  return withoutUndefined({
    aud: AUDIENCE,
    iss,
    iat: now,
    nbf: now,
    exp: now + 300,
    client_id: client,
    sub: USER_ID,
    scope: 'read append',
    act: { sub: client },
    name: 'Asbjorn Hansen',
    [`${CLAIM}eduPersonPrincipalName`]: 'asbjorn@example.no',
    [`${CLAIM}userid_sec`]: ['feide:asbjorn@example.no'],
    ...overrides,
  })
}

function signWith(signer: Signer, payload: object | string | Buffer, options: SignOptions): string {
  const header = headerText(signer.kid, options.header)
  const key = options.key ?? signer.privateKey
  const jws = withSignature(`${b64(header)}.${b64(payload)}`, key)
  notePrivate(jws, payload)
  return jws
}

function withSignature(input: string, key: KeyObject): string {
  const signature = signBytes('sha256', Buffer.from(input, 'latin1'), key)
  return `${input}.${signature.toString('base64url')}`
}

function headerText(kid: string | undefined, header: SignOptions['header']): string {
  if (typeof header === 'string') return header
  return JSON.stringify(withoutUndefined({ alg: 'RS256', typ: 'JWT', kid, ...header }))
}

function bytesOf(value: object | string | Buffer): Buffer {
  if (Buffer.isBuffer(value)) return value
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}

function discoveryOf(issuer: Issuer, name = issuer.url) {
  return {
    issuer: name,
    authorization_endpoint: `${issuer.url}/oauth/authorization`,
    token_endpoint: `${issuer.url}/oauth/token`,
    userinfo_endpoint: `${issuer.url}/openid/userinfo`,
    jwks_uri: issuer.jwksUri,
    response_types_supported: ['code'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' })
  response.end(JSON.stringify(value))
}

const FAULTS: Record<Exclude<IssuerFault, undefined>, (response: ServerResponse) => void> = {
  down: response => response.socket?.destroy(),
  error: response => response.writeHead(500).end('broken'),
  html: response => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  empty: response => json(response, { keys: [] }),
  garbage: response => json(response, { keys: 'none', jwks_uri: 7 }),
  huge: response => json(response, { keys: [], padding: 'x'.repeat(32 * 1024 * 1024) }),
  redirect: response => response.writeHead(302, { location: '/openid/jwks' }).end(),
  slow: () => {},
}
