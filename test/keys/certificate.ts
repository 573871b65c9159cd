import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const OPENSSL = 'openssl'

/** A certificate for `localhost` that signs itself, in files that last until `remove`. */
export function makeCertificate() {
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-tls-'))
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const files = ['-keyout', key, '-out', cert]
  execFileSync(OPENSSL, ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'ignore' })
  return { cert, key, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
