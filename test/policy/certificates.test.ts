import { afterAll, expect, test } from 'vitest'
import { makeCertificate } from '../keys/certificate.ts'
import { startFailing } from '../support/gateway.ts'
import { policy } from '../support/policy.ts'

const [good, other, small] = [
  makeCertificate(),
  makeCertificate(),
  makeCertificate('localhost', ['rsa:1024']),
]
afterAll(() => {
  for (const one of [good, other, small]) one.remove()
})

const faultsOf = async (tls: { readonly cert: string; readonly key: string }) => {
  const text = policy({ issuer: 'https://a.test', upstream: 'http://b.test', tls })
  const { code, stderr } = await startFailing(text)
  return {
    code,
    faults: stderr
      .trim()
      .split('\n')
      .map(line => line.replace(/^.*?: /, '')),
  }
}

test.each([
  [
    'the key of another certificate',
    { cert: good.cert, key: other.key },
    ['tls.key: expected the private key of the certificate, got the key of another one'],
  ],
  [
    'a key that TLS takes for too small',
    { cert: small.cert, key: small.key },
    ['tls.cert: expected a certificate and a key that can be used for TLS, got ee key too small'],
  ],
  [
    'the two in each other’s place',
    { cert: good.key, key: good.cert },
    [
      'tls.cert: expected certificates in PEM form, got something else',
      'tls.key: expected a private key in PEM form, without passphrase, got something else',
    ],
  ],
])('%s is a fault of the policy', async (_, tls, faults) => {
  expect(await faultsOf(tls)).toEqual({ code: 1, faults })
})
