import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Leaf = {
  /** Files. */
  readonly cert: string
  readonly key: string
  /** Their text. */
  readonly certText: string
  readonly keyText: string
}

export type LeafOptions = {
  /** Subject alternative names; default `DNS:localhost,IP:127.0.0.1`. */
  readonly names?: string
  /** Days from now until it expires; negative for one that has. */
  readonly days?: number
  /** What `openssl genpkey` is told; default a P-256 key. */
  readonly algorithm?: readonly string[]
}

export type Authority = {
  /** The file of its certificate, and its text. */
  readonly ca: string
  readonly caText: string
  issue(options?: LeafOptions): Leaf
  remove(): void
}

const P256 = ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']

const OPENSSL = 'openssl'

const openssl = (...args: string[]) => void execFileSync(OPENSSL, args, { stdio: 'pipe' })

/** A certificate authority of one's own, in files that last until `remove`. */
export function makeAuthority(name = 'Test CA'): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-ca-'))
  const file = (name: string) => join(directory, name)
  const [ca, caKey] = [file('ca.pem'), file('ca.key')]
  let issued = 0
  openssl('genpkey', '-algorithm', ...P256, '-out', caKey)
  const subject = ['-subj', `/CN=${name}`]
  openssl('req', '-x509', '-new', '-key', caKey, '-out', ca, '-days', '30', ...subject)

  const issue: Authority['issue'] = (options = {}) => {
    const { names = 'DNS:localhost,IP:127.0.0.1', days = 30, algorithm = P256 } = options
    const id = `leaf-${++issued}`
    const [cert, key, request] = [file(`${id}.pem`), file(`${id}.key`), file(`${id}.csr`)]
    const extensions = file(`${id}.ext`)
    writeFileSync(extensions, `subjectAltName=${names}\n`)
    openssl('genpkey', '-algorithm', ...algorithm, '-out', key)
    openssl('req', '-new', '-key', key, '-out', request, '-subj', `/CN=${id}`)
    const signed = ['-CA', ca, '-CAkey', caKey, '-set_serial', String(issued)]
    const valid = ['-days', String(days), '-extfile', extensions]
    openssl('x509', '-req', '-in', request, '-out', cert, ...signed, ...valid)
    return { cert, key, certText: readFileSync(cert, 'utf8'), keyText: readFileSync(key, 'utf8') }
  }
  return {
    ca,
    caText: readFileSync(ca, 'utf8'),
    issue,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
