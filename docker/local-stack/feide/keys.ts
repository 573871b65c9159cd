import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export interface SigningKey {
  /** The public half, as the JWKS lists it. */
  readonly jwk: JWK & { readonly kid: string }
  readonly privateKey: CryptoKey
}

/** The keys of one run. Nothing signed in one run holds in the next. */
export interface KeyRing {
  /** The one that signs. */
  current(): SigningKey
  /** The public halves that are published now, the newest first. */
  published(): readonly SigningKey['jwk'][]
  /** Signs with a new key from now on; with `drop` no older one is published any more. */
  rotate(options: { readonly drop: boolean }): Promise<void>
}

interface Entry {
  readonly key: SigningKey
  /** Seconds since 1970. */
  readonly publishedUntil: number
}

/** `overlap` is for how many seconds a replaced key is still published. */
export const makeKeyRing = async (overlap: number, now: () => number): Promise<KeyRing> => {
  let newest = await makeKey()
  let older: readonly Entry[] = []
  const unexpired = () => older.filter(({ publishedUntil }) => publishedUntil > now())
  return {
    current: () => newest,
    published: () => [newest.jwk, ...unexpired().map(({ key }) => key.jwk)],
    async rotate({ drop }) {
      const next = await makeKey()
      older = drop ? [] : [{ key: newest, publishedUntil: now() + overlap }, ...unexpired()]
      newest = next
    },
  }
}

const makeKey = async (): Promise<SigningKey> => {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { modulusLength: 2048 })
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  return { jwk: { ...jwk, kid, use: 'sig', alg: 'RS256' }, privateKey }
}

/** A JWT with the header that Feide writes, on ID tokens and on access tokens alike. */
export const sign = ({ jwk, privateKey }: SigningKey, claims: Readonly<Record<string, unknown>>) =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: jwk.kid })
    .sign(privateKey)
