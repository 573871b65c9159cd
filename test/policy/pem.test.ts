import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, type Leaf, makeAuthority } from '../support/certificates.ts'
import { faultsOf, marked, policyOf, yaml } from './support.ts'

/** Certificates and keys that a policy names, in files or in its own text. */

const RSA = (bits: number) => ['RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`]

let authority: Authority
let leaf: Leaf
let other: Leaf
let weak: Leaf
let expired: Leaf
let junk: string
beforeAll(() => {
  authority = makeAuthority()
  leaf = authority.issue()
  other = authority.issue()
  weak = authority.issue({ algorithm: RSA(1024) })
  expired = authority.issue({ days: -1 })
  junk = join(authority.ca, '..', 'junk.pem')
  writeFileSync(junk, 'hello\n')
})
afterAll(() => authority.remove())

const NOT_PEM = 'certificates in PEM form, got something else'
const NO_FILE = 'expected a PEM file that can be read, got'

/** A whole policy with these lines of `tls` under its upstream. */
const upstreamTls = (lines: readonly string[], url = 'https://legacy') => yaml`
  issuer: { url: https://auth.dataporten.no }
  dataSources:
    grades:
      audience: grades
      routes: { GET /a: public }
      upstream:
        url: ${url}
        tls:
          ${lines.join('\n          ')}
`
const listenTls = (lines: readonly string[]) => yaml`
  issuer: { url: https://auth.dataporten.no }
  tls:
    ${lines.join('\n    ')}
  dataSources:
    grades: { audience: grades, upstream: http://legacy, routes: { GET /a: public } }
`

/** The faults of a text in which \`«\` stands where each is to be found. */
function expectFaults(text: string, says: readonly string[], env = {}): void {
  const { text: file, places } = marked(text)
  const faults = faultsOf(file, env)
  expect(faults).toEqual(places.map((place, i) => `policy.yaml:${place}: ${says[i]}`))
  for (const secret of [leaf, other, weak, expired].map(({ keyText }) => keyText)) {
    for (const line of secret.split('\n').filter(one => one.length > 20)) {
      expect(faults.join('\n')).not.toContain(line)
    }
  }
}

const IN = 'dataSources.grades.upstream.tls'

describe('a fault of what is shown to an upstream', () => {
  const rows: [string, () => string[], string[]][] = [
    [
      'a file that is not there',
      () => ['ca: «/nowhere.pem'],
      [`${IN}.ca: ${NO_FILE} no such file`],
    ],
    ['a directory', () => ['ca: «/tmp'], [`${IN}.ca: ${NO_FILE} a directory`]],
    ['a file without certificates', () => [`ca: «${junk}`], [`${IN}.ca: expected ${NOT_PEM}`]],
    [
      'a key where certificates belong',
      () => [`ca: «${leaf.key}`],
      [`${IN}.ca: expected ${NOT_PEM}`],
    ],
    [
      'a certificate where its key belongs',
      () => [`cert: ${leaf.cert}`, `key: «${leaf.cert}`],
      [`${IN}.key: expected a private key in PEM form, without passphrase, got something else`],
    ],
    [
      'the key of another certificate',
      () => [`cert: ${leaf.cert}`, `key: «${other.key}`],
      [`${IN}.key: expected the private key of the certificate, got the key of another one`],
    ],
    [
      'a key too short for TLS',
      () => [`cert: «${weak.cert}`, `key: ${weak.key}`],
      [
        `${IN}.cert: expected a certificate and a key that can be used for TLS, got ee key too small`,
      ],
    ],
    [
      'a certificate without its key',
      () => [`cert: ${leaf.cert}`],
      [`${IN}.key: expected the private key of \`cert\`, got nothing`],
    ],
    [
      'a key without its certificate',
      () => [`key: ${leaf.key}`],
      [`${IN}.cert: expected the certificate of \`key\`, got nothing`],
    ],
    [
      'nothing at all where a file belongs',
      () => ['ca: «""'],
      [`${IN}.ca: expected a PEM file with certificates, got a value that is not shown here`],
    ],
    [
      'a server name that is none',
      () => ['serverName: «"a b"'],
      [
        `${IN}.serverName: expected a host name such as legacy.example.no, got a value that is not shown here`,
      ],
    ],
  ]
  test.each(rows)('%s', (_, lines, says) => {
    const missing = /got nothing$/.test(says[0] ?? '')
    const text = upstreamTls(lines())
    expectFaults(missing ? text.replace('tls:', '«tls:') : text, says)
  })

  test('tls beside http:// alone', () => {
    const text = upstreamTls([`ca: ${authority.ca}`], 'http://legacy').replace('tls:', '«tls:')
    expectFaults(text, [`${IN}: expected an https:// URL beside it, got http://legacy`])
  })

  test('several are said at once', () => {
    const lines = ['ca: «/nowhere.pem', `cert: «${junk}`, `key: «${leaf.cert}`]
    expectFaults(upstreamTls(lines), [
      `${IN}.ca: ${NO_FILE} no such file`,
      `${IN}.cert: expected ${NOT_PEM}`,
      `${IN}.key: expected a private key in PEM form, without passphrase, got something else`,
    ])
  })

  test('a variable that holds a key is not shown', () => {
    const lines = [`cert: «\${CERT}`, `key: «\${KEY}`]
    const env = { CERT: leaf.keyText, KEY: leaf.certText }
    expectFaults(
      upstreamTls(lines),
      [
        `${IN}.cert: expected ${NOT_PEM}`,
        `${IN}.key: expected a private key in PEM form, without passphrase, got something else`,
      ],
      env,
    )
  })

  test('nor is a key whose first line was lost', () => {
    const rest = other.keyText.split('\n').slice(1).join(' ')
    const lines = [`cert: ${leaf.cert}`, `key: «${rest}`]
    const got = faultsOf(marked(upstreamTls(lines)).text).join('\n')
    expect(got).toMatch(
      /tls\.key: expected a PEM file that can be read, got (no such file|too long a name)$/,
    )
    expect(got).not.toContain(rest.slice(0, 20))
  })
})

describe('a fault of what is shown to callers', () => {
  const rows: [string, () => string[], string[]][] = [
    [
      'a file that is not there',
      () => ['cert: «/no.pem', `key: ${leaf.key}`],
      [`${NO_FILE} no such file`],
    ],
    [
      'a key that is not there',
      () => [`cert: ${leaf.cert}`, 'key: «/no.pem'],
      [`${NO_FILE} no such file`],
    ],
    ['a file without one', () => [`cert: «${junk}`, `key: ${leaf.key}`], [`expected ${NOT_PEM}`]],
    [
      'the key of another',
      () => [`cert: ${leaf.cert}`, `key: «${other.key}`],
      ['expected the private key of the certificate, got the key of another one'],
    ],
    [
      'a key too short for TLS',
      () => [`cert: «${weak.cert}`, `key: ${weak.key}`],
      ['expected a certificate and a key that can be used for TLS, got ee key too small'],
    ],
  ]
  test.each(rows)('%s', (_, lines, [says]) => {
    const text = listenTls(lines())
    const at = text.includes('cert: «') ? 'tls.cert' : 'tls.key'
    expectFaults(text, [`${at}: ${says}`])
  })

  test('a key that is left out', () => {
    const text = listenTls([`cert: ${leaf.cert}`]).replace('tls:', '«tls:')
    expectFaults(text, ['tls.key: expected a PEM file with a private key, got nothing'])
  })
})

test('a certificate that has expired is worth a warning, wherever it stands', () => {
  const date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
  const expects = `expected a certificate that is still valid, got one that has expired on ${date}`
  const pair = [`cert: «${expired.cert}`, `key: ${expired.key}`]
  for (const [text, where] of [
    [upstreamTls(pair), `${IN}.cert`],
    [upstreamTls([`ca: «${expired.cert}`]), `${IN}.ca`],
    [listenTls(pair), 'tls.cert'],
  ] as const) {
    const { text: file, places } = marked(text)
    expect(faultsOf(file)).toEqual([`policy.yaml:${places[0]}: warning: ${where}: ${expects}`])
    expect(policyOf(file).dataSources.length).toBe(1)
  }
})

test('PEM may stand in the policy itself, in a variable, or in a file that it includes', () => {
  const indent = (text: string) => `|\n${text.trim().replace(/^/gm, '            ')}`
  const forms = [
    [`cert: ${leaf.cert}`, `key: ${leaf.key}`],
    [`cert: ${indent(leaf.certText)}`, `key: ${indent(leaf.keyText)}`],
    [`cert: "\${CERT}"`, `key: "\${KEY}"`],
    [`cert: \${file:${leaf.cert}}`, `key: \${file:${leaf.key}}`],
  ]
  const env = { CERT: leaf.certText, KEY: leaf.keyText }
  for (const lines of forms) {
    const [grades] = policyOf(upstreamTls(lines), env).dataSources
    const { cert = '', key = '' } = grades?.upstream.tls ?? {}
    expect([cert.trim(), key.trim()]).toEqual([leaf.certText.trim(), leaf.keyText.trim()])
  }
})

test('a file that is named once for two purposes is read for both', () => {
  const both = join(authority.ca, '..', 'both.pem')
  writeFileSync(both, leaf.certText + leaf.keyText)
  const [grades] = policyOf(upstreamTls([`cert: ${both}`, `key: ${both}`])).dataSources
  expect(grades?.upstream.tls).toEqual({
    cert: leaf.certText + leaf.keyText,
    key: leaf.certText + leaf.keyText,
  })
})
