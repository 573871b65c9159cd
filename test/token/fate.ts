import type { ParsedToken } from '../../gateway/model.ts'
import { isDenial } from '../../gateway/policy/denial.ts'
import { parseToken } from '../../gateway/token/bearer.ts'
import { checkHeader } from '../../gateway/token/claims.ts'
import { parseUniqueObject } from '../../gateway/token/json.ts'
import { chooseKey, readKeySet } from '../../gateway/token/keyset.ts'
import { checkSignature } from '../../gateway/token/signature.ts'
import type { Case } from '../support/wycheproof.ts'

/** Everything that a policy may list. */
const ALGORITHMS = ['RS', 'PS', 'ES'].flatMap(kind => [256, 384, 512].map(bits => kind + bits))

const EXPECTED = {
  issuer: '',
  audiences: [],
  algorithms: ALGORITHMS,
  clockTolerance: 0,
  maxLifetime: 0,
}

const NO_CLAIMS = 'its payload is not a JSON object without duplicate members'

/**
 * The fate of a vector at the checks of form, header, key and signature. No vector carries claims,
 * so that the one rule about the payload is set aside.
 */
export async function fateOf({ group, vector }: Case): Promise<string> {
  const parsed = parseToken(vector.jws)
  if (isDenial(parsed) && !parsed.detail.endsWith(NO_CLAIMS)) return parsed.denied
  const header = parseUniqueObject(Buffer.from(vector.jws.split('.')[0] ?? '', 'base64url')) ?? {}
  const token: ParsedToken = { text: vector.jws as ParsedToken['text'], header, payload: {} }
  const signed = checkHeader(token, EXPECTED)
  if (isDenial(signed)) return signed.denied
  const keySet = readKeySet({ keys: group.keys })
  const key = 'problem' in keySet ? undefined : chooseKey(keySet, signed.kid, signed.alg)
  if (key === undefined) return 'token_key_unknown'
  const denial = await checkSignature(token, key.key, signed.alg)
  return denial?.denied ?? 'accepted'
}
