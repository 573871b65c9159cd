import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Say } from './faults.ts'
import type { PolicyFile } from './schema.ts'
import type { Path, ReadIncluded } from './source.ts'

/** The PEM text of each setting that names a file, by what the setting says. */
export type Pems = ReadonlyMap<string, string>

interface Setting {
  readonly path: Path
  readonly says: string
  readonly holds: 'certificates' | 'key'
}

/** Reads the certificates and keys that a policy names, and says what is wrong with them. */
export function checkPems(file: PolicyFile, read: ReadIncluded, say: Say): Pems {
  const pems = new Map<string, string>()
  for (const pair of pairsOf(file)) {
    const [first, ...rest] = pair.flatMap(setting => {
      const text = textOf(setting, read)
      if (typeof text !== 'string') {
        say(setting.path, 'a PEM file that can be read', { got: text.problem })
        return []
      }
      pems.set(setting.says, text)
      return [{ setting, parsed: parse(setting, text, say) }]
    })
    const [second] = rest
    const certificate = first?.parsed
    const key = second?.parsed
    if (!(certificate instanceof X509Certificate) || key === undefined) continue
    if (!(key instanceof X509Certificate) && !certificate.checkPrivateKey(key)) {
      const got = 'the key of another one'
      say(second?.setting.path ?? [], 'the private key of the certificate', { got })
      continue
    }
    const got = refusedByTls(pair.map(({ says }) => pems.get(says) ?? ''))
    if (got) say(pair[0]?.path ?? [], 'a certificate that TLS can use', { got })
  }
  return pems
}

/** What OpenSSL has against a certificate and its key, such as a key that is too small. */
function refusedByTls([cert = '', key = '']: readonly string[]): string | undefined {
  try {
    createSecureContext({ cert, key })
    return undefined
  } catch (error) {
    return String(error instanceof Error && 'reason' in error ? error.reason : error)
  }
}

const isText = (says: string) => says.includes('-----BEGIN ')

const textOf = ({ says }: Setting, read: ReadIncluded) => (isText(says) ? says : read(says))

/** Certificates alone, or a certificate and its key. */
function pairsOf(file: PolicyFile): Setting[][] {
  const pairs: Setting[][] = []
  const add = (path: Path, certificates?: string, key?: string, name = 'cert') => {
    const pair: Setting[] = []
    if (certificates !== undefined) {
      pair.push({ path: [...path, name], says: certificates, holds: 'certificates' })
    }
    if (key !== undefined) pair.push({ path: [...path, 'key'], says: key, holds: 'key' })
    if (pair.length > 0) pairs.push(pair)
  }
  if (file.tls) add(['tls'], file.tls.cert, file.tls.key)
  for (const [id, { upstream }] of Object.entries(file.dataSources)) {
    if (typeof upstream === 'string' || !upstream.tls) continue
    const path = ['dataSources', id, 'upstream', 'tls']
    add(path, upstream.tls.ca, undefined, 'ca')
    add(path, upstream.tls.cert, upstream.tls.key)
  }
  return pairs
}

/** The first certificate, or the key. */
function parse({ path, holds }: Setting, text: string, say: Say) {
  return holds === 'key' ? parseKey(path, text, say) : parseCertificates(path, text, say)
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

function parseCertificates(path: Path, text: string, say: Say): X509Certificate | undefined {
  try {
    const [first, ...others] = (text.match(CERTIFICATE) ?? []).map(one => new X509Certificate(one))
    if (!first) throw new Error('none')
    for (const { validToDate } of [first, ...others]) {
      if (validToDate.getTime() > Date.now()) continue
      const got = `one that has expired on ${validToDate.toISOString().slice(0, 10)}`
      say(path, 'a certificate that is still valid', { got, severity: 'warning' })
    }
    return first
  } catch {
    say(path, 'certificates in PEM form', { got: 'something else' })
    return undefined
  }
}

function parseKey(path: Path, text: string, say: Say): KeyObject | undefined {
  try {
    return createPrivateKey(text)
  } catch {
    say(path, 'a private key in PEM form, without passphrase', { got: 'something else' })
    return undefined
  }
}
