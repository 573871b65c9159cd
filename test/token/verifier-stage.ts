import { sign } from 'node:crypto'
import type { DataSource, ParsedToken } from '../../gateway/model.ts'
import { isDenial } from '../../gateway/policy/denial.ts'
import { parseToken } from '../../gateway/token/bearer.ts'
import { createVerifier } from '../../gateway/token/verifier.ts'
import type { FindKey } from '../../gateway/token/verify.ts'
import { HOUR, simulation } from '../keys/simulation.ts'
import { policyOf } from '../policy/support.ts'
import { b64, CLIENT_ID, type Claims, type rsaKey, USER_ID } from '../support/issuer.ts'

/** A verifier with the keys of a simulated issuer, under a clock that the test moves. */

export const TOLERANCE = 30
export const TOKENS = 3
/** Milliseconds. */
export const STALE_FOR = HOUR

const policyFor = (tokens: number) => `
issuer: { url: https://issuer.test, clockTolerance: ${TOLERANCE}s }
limits: { tokens: ${tokens} }
dataSources:
  grades: { audience: grades, hosts: [grades.test], upstream: http://legacy, routes: { GET /a: authenticated } }
  exams: { audience: exams, hosts: [exams.test], upstream: http://legacy, routes: { GET /a: authenticated } }
`

export const KID = 'key-1'
export type Pair = ReturnType<typeof rsaKey>

export async function verifierStage(first: Pair, tokens = TOKENS) {
  const played = simulation({ shared: true, times: { staleFor: STALE_FOR }, keys: [first.jwk] })
  const { clock, issuer, store } = played
  const [keys] = played.start()
  if (!keys) throw new Error('no keys')
  await clock.pass(0)

  const policy = policyOf(policyFor(tokens))
  const sourceOf = (id: string): DataSource => {
    const found = policy.dataSources.find(dataSource => dataSource.id === id)
    if (!found) throw new Error(`no ${id}`)
    return found
  }
  const [grades, exams] = [sourceOf('grades'), sourceOf('exams')]

  let looked = 0
  let set = 0
  let slow: Promise<unknown> | undefined
  const find: FindKey = (kid, alg) => {
    looked += 1
    return slow ? slow.then(() => keys.find(kid, alg)) : keys.find(kid, alg)
  }
  const now = () => clock.now() / 1000 + set
  const { verifyToken, recallToken } = createVerifier(policy, { ...keys, find }, now)

  /** A token of a user, signed and taken apart. */
  const token = (claims: Claims = {}, { privateKey }: Pair = first): ParsedToken => {
    const at = now()
    const all = {
      ...{ iss: 'https://issuer.test', aud: 'grades', iat: at, nbf: at, exp: at + 300 },
      ...{ sub: USER_ID, client_id: CLIENT_ID, scope: 'read' },
      ...claims,
    }
    const text = `${b64({ alg: 'RS256', typ: 'JWT', kid: KID })}.${b64(all)}`
    const signature = sign('sha256', Buffer.from(text), privateKey).toString('base64url')
    const parsed = parseToken(`${text}.${signature}`)
    if (isDenial(parsed)) throw new Error(parsed.detail)
    return parsed
  }
  /** What becomes of a token that is not known yet: the data source that it is good for, or the code. */
  const verdict = async (of: ParsedToken, at = grades) => {
    const outcome = await verifyToken(of, at)
    return isDenial(outcome) ? outcome.denied : outcome.dataSource.id
  }
  return {
    clock,
    issuer,
    store,
    grades,
    exams,
    now,
    token,
    verdict,
    verifyToken,
    recallToken,
    isKnown: ({ text }: ParsedToken, at = grades) => recallToken(text, at) !== undefined,
    /** How often a key was looked for: once for each verification. */
    looked: () => looked,
    /** From now on a key takes until then to be found. */
    findAfter: (event: Promise<unknown> | undefined) => {
      slow = event
    },
    /** Sets the clock, in seconds from where it would be. */
    setClock: (seconds: number) => {
      set = seconds
    },
    /** Lets time pass for the keys, in milliseconds, and none for the tokens. */
    passed: async (ms: number) => {
      await clock.pass(ms)
      set -= ms / 1000
    },
  }
}

export type VerifierStage = Awaited<ReturnType<typeof verifierStage>>
