/**
 * What a caller, an origin and whoever started the origin say to each other.
 *
 * A caller writes into the query what it wants: `n`, the number of the request, whose first letter
 * says what may become of it, and `a`, how the origin is to answer.
 */

/** The first letter of a request's number. */
export const FATES = {
  /** It arrives once. */
  f: { atMost: 1, witnessed: false },
  /** It arrives, once or, since a GET may be sent again, twice; its caller gets no echo. */
  x: { atMost: 2, witnessed: true },
  /** It may arrive or not, whole or in part; its caller gets no echo. */
  e: { atMost: 2, witnessed: true },
  /** It never arrives. */
  r: { atMost: 0, witnessed: false },
} as const

export type Fate = keyof typeof FATES

/** A request as the origin saw it. */
export type Seen = {
  readonly method: string
  readonly target: string
  /** Names and values in turn, latin1, as they came. */
  readonly headers: readonly string[]
  /** Bytes of the body. */
  readonly bytes: number
  /** Their CRC-32. */
  readonly crc: number
}

/** Where the echo is put when an answer has no body. */
export const ECHO_HEADER = 'X-Echo'

/** From the origin's process. */
export type Report =
  | { readonly kind: 'listening'; readonly port: number }
  /** Something arrived that should not have, or not in this form. */
  | { readonly kind: 'fault'; readonly fault: string; readonly bytes: string }
  /** The heads of requests whose callers get no echo. */
  | { readonly kind: 'witness'; readonly seen: readonly Seen[] }
  | { readonly kind: 'counts'; readonly counts: Counts }
  /** A large body has gone through. */
  | { readonly kind: 'bulk'; readonly bytes: number; readonly sha256: string }

export type Counts = {
  /** Connections that are open. */
  readonly open: number
  /** Heads of requests so far. */
  readonly requests: number
}

/** To the origin's process. */
export type Order = 'count' | 'pause' | 'resume'

export const numberOf = (target: string): string => /[?&]n=([^&]*)/.exec(target)?.[1] ?? ''
export const wishOf = (target: string): string => /[?&]a=([^&]*)/.exec(target)?.[1] ?? 'plain'
export const sizeOf = (target: string): number => Number(/[?&]size=(\d+)/.exec(target)?.[1] ?? 0)

export const encodeEcho = (seen: Seen): string =>
  Buffer.from(JSON.stringify(seen)).toString('base64')
export const decodeEcho = (text: string): Seen =>
  JSON.parse(Buffer.from(text, 'base64').toString()) as Seen
