import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const OPENSSL = 'openssl'

/** A certificate for one host that signs itself, in files that last until `remove`. */
export function makeCertificate(host = 'localhost') {
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-tls-'))
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const files = ['-keyout', key, '-out', cert]
  execFileSync(OPENSSL, ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'ignore' })
  return {
    cert,
    key,
    /** A file with this certificate and another one, to be trusted both. */
    trustWith(other: { readonly cert: string }): string {
      const file = join(directory, 'both.pem')
      writeFileSync(file, readFileSync(cert, 'utf8') + readFileSync(other.cert, 'utf8'))
      return file
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
