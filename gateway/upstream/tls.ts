import { Agent } from 'node:https'
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
} from 'node:tls'
import type { Origin, Upstream } from '../model.ts'

/** How a connection to one origin is secured. */
export interface TlsIdentity {
  readonly secureContext: SecureContext
  /** The name to ask for in the handshake (RFC 6066 §3 knows no addresses). */
  readonly servername: string | undefined
  readonly checkServerIdentity: typeof checkServerIdentity
}

/** Those that Node brings, and those that the machine trusts; read once, since it takes a while. */
let systemCertificates: string[] | undefined

const trusted = (): string[] => {
  systemCertificates ??= [
    ...new Set([...getCACertificates('default'), ...getCACertificates('system')]),
  ]
  return systemCertificates
}

/** `undefined` for an origin that speaks plain HTTP. */
export function tlsIdentity(
  { tls }: Pick<Upstream, 'tls'>,
  { origin }: Origin,
): TlsIdentity | undefined {
  if (!origin.startsWith('https:')) return undefined
  const { ca = trusted(), cert, key, serverName } = tls
  const hostname = serverName ?? new URL(origin).hostname.replace(/^\[|\]$/g, '')
  return {
    // Made once: each connection would parse the certificates anew.
    secureContext: createSecureContext({ ca, ...(cert && key && { cert, key }) }),
    servername: isIP(hostname) === 0 ? hostname : undefined,
    // Whoever is on the other end is held against the policy, not against the request's Host.
    checkServerIdentity: (_asked: string, certificate: PeerCertificate) =>
      checkServerIdentity(hostname, certificate),
  }
}

const agents = new WeakMap<TlsIdentity, Agent>()

/** The same for `node:https`, with a connection for each request, whose handshake is shorter from the second one on. */
export function agentFor(identity: TlsIdentity): Agent {
  const known = agents.get(identity)
  if (known) return known
  const { servername = '', ...others } = identity
  const agent = new Agent({ ...others, servername, keepAlive: false })
  agents.set(identity, agent)
  return agent
}
