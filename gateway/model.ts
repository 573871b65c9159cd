import type { Denial } from './policy/denial.ts'

/**
 * The nouns of the gateway: what one stage hands to the next. Types only, nothing runs here.
 */

declare const brand: unique symbol
export type Brand<T, B extends string> = T & { readonly [brand]: B }

/** A path in canonical form (contract 2): what is matched is what is sent. Made by `policy/path.ts` alone. */
export type CanonicalPath = Brand<string, 'CanonicalPath'>

/** Header names and values in the order of the wire: name, value, name, value … (values as latin1). */
export type HeaderList = readonly string[]

/** A request as the HTTP parser left it, before anything was decided. */
export interface RawRequest {
  readonly method: string
  /** The request target, byte for byte. */
  readonly target: string
  readonly httpVersion: string
  readonly headers: HeaderList
  /** HTTP/2 alone: a body follows, which no header need say there. */
  readonly bodyFollows?: boolean
  /** The address of the peer on the other end of the connection. */
  readonly peer: string
  readonly encrypted: boolean
}

/** A request that has one meaning: host, path and framing can be read in one way only. */
export interface GatewayRequest {
  readonly method: string
  /** `Host` as sent. */
  readonly authority: string
  readonly path: CanonicalPath
  /** From `?` to the end, byte for byte; empty when there is none. */
  readonly query: string
  readonly headers: HeaderList
  readonly preflight: Preflight | undefined
  readonly body: BodyFraming
  readonly origin: ClientOrigin
}

/** A CORS preflight (Fetch standard) and the method that it asks about. */
export interface Preflight {
  readonly asksFor: string
}

export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }

/** What `X-Forwarded-*` will say: the peer's own word where it is trusted, else what was seen. */
export interface ClientOrigin {
  readonly trusted: boolean
  readonly forwardedFor: string
  readonly proto: 'http' | 'https'
  readonly forwardedHost: string
}

export type Principal =
  | { readonly kind: 'user'; readonly userId: string; readonly clientId: string }
  | { readonly kind: 'system'; readonly clientId: string }

export type Claims = Readonly<Record<string, unknown>>

/** A JWS in compact form (RFC 7515 §7.1), taken apart and well-formed; nothing in it is believed yet. */
export interface ParsedToken {
  readonly text: Brand<string, 'CompactJws'>
  readonly header: Claims
  readonly payload: Claims
}

/**
 * A token whose signature, issuer, audience and times were checked for one data source (contract 3).
 * Made by `token/verify.ts`, and by `token/verified.ts` again from what it remembers of one.
 */
export interface VerifiedToken {
  /** The one that it was verified for: to another data source it is nothing. */
  readonly dataSource: DataSource
  readonly principal: Principal
  readonly scopes: readonly string[]
  /** The compact form, for whoever exchanges it or passes it on. */
  readonly text: string
  /** Seconds since the epoch: `exp`, and the later one of `nbf` and `iat`. */
  readonly expiresAt: number
  readonly notBefore: number
  /** What the upstream is told: compiled once, or why it cannot be. */
  readonly identity: HeaderList | Denial
}

/** What a route asks for. The scopes are alternatives: one inner list must be held in full. */
export type Access =
  | { readonly kind: 'public' }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'scopes'; readonly anyOf: readonly (readonly string[])[] }

/** One line of the policy. */
export interface Route {
  readonly dataSource: DataSource
  /** The key in the policy, as written: `GET /courses/{id}`. */
  readonly key: string
  /** The line in the policy file, from 1. */
  readonly line: number
  /** `ANY` stands for every method but `TRACE` and `CONNECT`. */
  readonly methods: readonly string[]
  readonly pattern: string
  readonly access: Access
  readonly principal: 'user' | 'system' | 'any'
  /** Client ids that may use the route; `undefined` is any. */
  readonly clients: ReadonlySet<string> | undefined
  /** `false`: who lacks a scope, or is the wrong principal, is let through and marked. */
  readonly enforce: boolean
}

export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'static'; readonly authorization: string }
  | { readonly kind: 'forward' }

export interface Upstream {
  readonly origins: readonly Origin[]
  readonly credentials: Credentials
  readonly host: 'upstream' | 'preserve' | { readonly name: string }
  /** Milliseconds. */
  readonly connectTimeout: number
  /** Milliseconds, from the request to the first byte of the answer. */
  readonly timeout: number
  /** Milliseconds between two bytes of a body. */
  readonly idleTimeout: number
  /** Requests and WebSockets at once. */
  readonly maxConnections: number
  /** Requests that wait for one of those. */
  readonly maxPending: number
  /** How each origin is looked after; `every` in milliseconds. */
  readonly health: { readonly path: string; readonly every: number } | undefined
  /** PEM texts, and the name that the certificate must have where that is not the URL's. */
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly serverName?: string
  }
}

/** One place that an upstream runs at. */
export interface Origin {
  /** Scheme, host and port: `http://legacy:3000`. */
  readonly origin: string
  /** `Host` for this origin. */
  readonly host: string
  /** Put before the path of each request; empty, or with a leading and no trailing slash. */
  readonly basePath: string
}

export type Encoding = 'ascii' | 'percent' | 'base64url' | 'utf8'

export interface Injection {
  readonly name: string
  readonly claim: string
  readonly encoding: Encoding
}

/** What the gateway shows Feide to exchange tokens. */
export interface FeideCredentials {
  readonly clientId: string
  readonly clientSecret: string
  /** Space separated; `undefined`: all that may be had. */
  readonly scope: string | undefined
}

/** The headers of a profile, by the end of their names: `X-Dataporten-userid` is `userid`. */
export type ProfileNames = Readonly<
  Record<'gatekeeper' | 'clientid' | 'userid' | 'userid-sec' | 'scopes' | 'token', string>
>

export interface HeaderRules {
  /** Those of `X-Dataporten-` or `X-FeideConnect-`; `undefined` for the profile `none`. */
  readonly profile: ProfileNames | undefined
  readonly gatekeeper: string
  readonly userid: boolean
  readonly useridSec: ReadonlySet<string>
  readonly renameScopes: ReadonlyMap<string, string>
  readonly dropScopes: ReadonlySet<string>
  readonly inject: readonly Injection[]
  /** How the token for `X-Dataporten-token` is had; `required`: a request without it is refused. */
  readonly apiToken: (FeideCredentials & { readonly required: boolean }) | undefined
  /** Whether a caller's header with this name goes on to the upstream. */
  readonly passes: (name: string, trusted: boolean) => boolean
}

export interface DataSource {
  readonly id: string
  readonly audiences: readonly string[]
  /** Lower case, without trailing dot; empty: any host that no other data source names. */
  readonly hosts: readonly string[]
  readonly upstream: Upstream
  readonly headers: HeaderRules
  readonly paths: PathRules
  /** How opaque tokens of callers are exchanged for JWTs; `undefined`: they are refused. */
  readonly exchange: FeideCredentials | undefined
  /** Bytes; `Infinity` for none. */
  readonly maxBody: number
  /** What is broken off when the token expires that it was opened with. */
  readonly closeAtExpiry: { readonly webSockets: boolean; readonly answers: boolean }
}

export interface PathRules {
  readonly encodedSlash: boolean
  readonly semicolon: boolean
  readonly emptySegments: boolean
  readonly caseInsensitive: boolean
}

declare const permitted: unique symbol

/** Proof that access was granted. Only `policy/access.ts` makes one, and only a permit is forwarded. */
export interface Permit {
  readonly [permitted]: true
  readonly route: Route
  /** Absent on public routes without a bearer, and on preflights. */
  readonly token: VerifiedToken | undefined
  /** What it would have been refused for, where the route does not enforce what it asks for. */
  readonly shadowed: Denial | undefined
}

/** A request as the upstream will get it. */
export interface UpstreamRequest {
  readonly method: string
  readonly origin: Origin
  /** Base path, path and query. */
  readonly target: string
  readonly headers: readonly string[]
}
