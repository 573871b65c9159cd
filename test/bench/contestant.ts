import { AUDIENCE } from '../support/issuer.ts'

/** A program that is measured. */
export interface Contestant {
  readonly name: string
  /** Whether it does the whole work; one that does not is there to show what a proxy costs at all. */
  readonly authenticates: boolean
  /** How to get what it needs and this machine lacks; `undefined` where all is there. */
  readonly missing: () => string | undefined
  /** For the table: what it is, with its version. */
  readonly title: () => string
  /** Callers that it takes with so many descriptors, where that is a setting of its own. */
  readonly mostCallers?: (descriptors: number) => number
  /** Writes its configuration, if it has one, and says how to start it. */
  readonly command: (setup: Setup) => readonly string[]
}

/** What a contestant is told; all of them the same. */
export interface Setup {
  /** A folder of its own. */
  readonly directory: string
  readonly port: number
  readonly upstreamPort: number
  readonly issuer: string
  /** A file with the issuer's public key, for those that do not fetch it. */
  readonly keyFile: string
  /** Descriptors that it may have. */
  readonly descriptors: number
  /** For the gateway: how many routes its policy has. */
  readonly routes?: number
  /** For the gateway: where to put a profile of its CPU. */
  readonly profile?: string
}

/** The work that every contestant does on a request; see `equality.ts` for what is held against it. */
export const WORK = {
  audience: AUDIENCE,
  scope: 'read',
  gatekeeper: 'grades',
  authorization: `Basic ${Buffer.from('dataporten:secret of the upstream').toString('base64')}`,
  username: 'dataporten',
  password: 'secret of the upstream',
} as const

/** Milliseconds that an idle connection is kept, by all. */
export const KEEP_ALIVE = 65_000

/** Tokens that are remembered by those who can. */
export const REMEMBERED = 100_000
