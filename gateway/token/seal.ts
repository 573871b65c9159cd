import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Encrypts what is stored where others could read it. */
export interface Sealer {
  /** @param name what the text is stored under: it cannot be moved to another name */
  readonly seal: (name: string, text: string) => string
  /** `undefined` where it was not sealed with this secret under this name. */
  readonly open: (name: string, sealed: string) => string | undefined
}

const ALGORITHM = 'aes-256-gcm'
/** Bytes (NIST SP 800-38D §8.2.2 for the nonce). */
const NONCE = 12
const TAG = 16

/** AES-256-GCM with a key derived from a secret (HKDF, RFC 5869). */
export function createSealer(secret: string, purpose: string): Sealer {
  const key = Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
  return {
    seal: (name, text) => {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(name))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
    },
    open: (name, sealed) => {
      const bytes = Buffer.from(sealed, 'base64url')
      try {
        const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE))
          .setAAD(Buffer.from(name))
          .setAuthTag(bytes.subarray(NONCE, NONCE + TAG))
        const text = Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()])
        return text.toString('utf8')
      } catch {
        return undefined
      }
    },
  }
}
