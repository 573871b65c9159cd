/** One request: what is written, and what must come of it. */
export type Shot = {
  /** For the summary. */
  readonly kind: string
  /** Whose first letter says what may become of it; see `load/origin/words.ts`. */
  readonly number: string
  readonly method: string
  readonly pieces: readonly Piece[]
  readonly expect: Expectation
  readonly after: After
}

/** Bytes, or milliseconds to wait before the next ones. */
export type Piece = Buffer | number

/**
 * What becomes of the connection: it is kept; the gateway must close it behind the answer; nobody
 * promised either; the caller resets it, or says that nothing more will come, without an answer.
 */
export type After = 'keep' | 'closes' | 'leave' | 'reset' | 'end'

export type Expectation =
  /** The upstream's answer, which says what it saw. */
  | {
      readonly kind: 'served'
      readonly status: number
      readonly arrival: Arrival
      readonly interim: readonly number[]
    }
  | { readonly kind: 'tunnel'; readonly arrival: Arrival; readonly messages: readonly Buffer[] }
  | ({ readonly kind: 'refused' } & Refusal)
  /** An answer that breaks off, so that the caller notices. */
  | { readonly kind: 'broken' }
  /** `/.well-known/oauth-protected-resource` */
  | { readonly kind: 'metadata'; readonly host: string; readonly audience: string }
  /** None is owed; one that comes must not be a success. */
  | { readonly kind: 'nothing' }
  /** Its caller has left; what came until then is no promise. */
  | { readonly kind: 'anything' }

export type Refusal = {
  /** Any of these, where two are right. */
  readonly codes: readonly string[]
  /** The caller's own id of the request, when it sent one that is taken over. */
  readonly requestId?: string
  /** The data source in the challenge. */
  readonly realm?: string
  /** It has an Origin: a browser must be able to read why. */
  readonly fromBrowser?: boolean
}

/** A request as it must reach the upstream. */
export type Arrival = {
  readonly method: string
  readonly target: string
  /** What the gateway says, by lower-case name; `undefined` for any value. */
  readonly own: ReadonlyMap<string, string | undefined>
  /** What the caller says, names and values in turn, in order. */
  readonly passed: readonly string[]
  readonly framing: 'none' | 'length' | 'chunked'
  readonly bytes: number
  readonly crc: number
}

export type Field = {
  readonly name: string
  readonly value: string
  /** Whether it goes on to the upstream. */
  readonly passes: boolean
}

export type Body = { readonly bytes: Buffer; readonly framing: 'length' | 'chunked' }
