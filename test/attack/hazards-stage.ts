import { stage as openStage, type Stage } from '../contract/stage.ts'
import { CLAIM, CLIENT_ID } from '../support/issuer.ts'
import type { HeaderList } from '../support/raw.ts'
import { headerOf, reply, type UpstreamRequest } from '../support/upstream.ts'

/** Who takes part: three that ask as they may, one that attacks, and whoever has no token. */
export type Party = 'ann' | 'bo' | 'cleo' | 'mallory' | 'nobody'

export type Hazards = Stage & {
  /** `bo` is a system, the others are users. */
  token(party: Party): string
}

const PASSWORD = 'hunter2'

/** A gateway for the hazard tables; every request is told, in its answer, as whose it arrived. */
export function hazardStage(upstream: Record<string, unknown> = {}): Hazards {
  const credentials = { basic: { username: 'dataporten', password: PASSWORD } }
  const on = openStage({
    dataSources: {
      grades: {
        upstream: { credentials, ...upstream },
        headers: { inject: { 'X-User-Name': { claim: 'name' } } },
        routes: {
          'ANY /open/**': 'public',
          'ANY /me': 'authenticated',
          'GET /admin': { scopes: ['admin'] },
        },
      },
    },
  })
  const tokens = new Map<Party, string>()
  const make = (party: Party) => {
    if (party === 'bo') return on.issuer.systemToken({ sub: 'bo', client_id: 'bo' })
    const eppn = `${party}@example.no`
    const ids = { [`${CLAIM}eduPersonPrincipalName`]: eppn, [`${CLAIM}userid_sec`]: [] }
    return on.issuer.token({ sub: party, name: party, ...ids })
  }
  const token = (party: Party) => {
    const known = tokens.get(party) ?? make(party)
    tokens.set(party, known)
    return known
  }
  return Object.defineProperties({ token }, Object.getOwnPropertyDescriptors(on)) as Hazards
}

/** What the token of a party implies, in the order of the wire. */
export function identityOf(party: Party): HeaderList {
  const gatekeeper: HeaderList = [['X-Dataporten-gatekeeper', 'grades']]
  if (party === 'nobody') return gatekeeper
  const basic = Buffer.from(`dataporten:${PASSWORD}`).toString('base64')
  const rest: HeaderList = [
    ['X-Dataporten-scopes', 'append,read'],
    ['X-User-Name', party],
    ['Authorization', `Basic ${basic}`],
  ]
  if (party === 'bo') {
    const system = rest.filter(([name]) => name !== 'X-User-Name')
    return [...gatekeeper, ['X-Dataporten-clientid', 'bo'], ...system]
  }
  const user: HeaderList = [
    ['X-Dataporten-clientid', CLIENT_ID],
    ['X-Dataporten-userid', party],
    ['X-Dataporten-userid-sec', `feide:${party}@example.no`],
  ]
  return [...gatekeeper, ...user, ...rest]
}

/** A request as the upstream is to get it, to the byte. */
export type Sent = {
  /** Method and target. */
  readonly line: string
  readonly as: Party
  /** What goes on of the caller's headers; default none. */
  readonly passed?: HeaderList
  /** How the body is framed: `chunked`, or its length; default not at all. */
  readonly framing?: string | undefined
  /** Decoded. */
  readonly body?: string
  /** Sent over a connection that is to become a WebSocket. */
  readonly upgrade?: boolean
  readonly forwardedHost?: string
}

/** What was sent, the id of the request left out; chunks may be cut anywhere. */
export type Wire = { readonly head: readonly string[]; readonly body: string }

export function wireOf(on: Hazards, sent: Sent): Wire {
  const { line, as, passed = [], framing, body = '', upgrade = false } = sent
  const origin = `127.0.0.1:${on.upstream.port}`
  const hasLength = framing !== undefined && framing !== 'chunked' && framing !== '0'
  const length: HeaderList = hasLength ? [['Content-Length', framing]] : []
  const others: HeaderList =
    framing === 'chunked'
      ? [['Transfer-Encoding', 'chunked']]
      : framing === '0'
        ? [['Content-Length', '0']]
        : []
  const first: HeaderList = [['Host', origin], ...length]
  const last: HeaderList = upgrade
    ? [
        ['Connection', 'Upgrade'],
        ['Upgrade', 'websocket'],
      ]
    : [...others, ['Connection', line.startsWith('HEAD ') ? 'close' : 'keep-alive']]
  const forwarded: HeaderList = [
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Host', sent.forwardedHost ?? 'gateway.test'],
    ['X-Request-Id', '…'],
  ]
  const fields = [...first, ...passed, ...forwarded, ...identityOf(as), ...last]
  return { head: [`${line} HTTP/1.1`, ...fields.map(field => field.join(': '))], body }
}

/** Answers every request with what it was, and as whose it came; every upgrade is taken up. */
export function tellBack(request: UpstreamRequest): Buffer | string {
  if (headerOf(request, 'upgrade').length > 0) {
    return 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  }
  const [userId] = headerOf(request, 'x-dataporten-userid')
  const [clientId] = headerOf(request, 'x-dataporten-clientid')
  const told = `${request.method} ${request.target} as ${userId ?? clientId ?? 'nobody'}`
  const full = reply({ headers: { 'X-Told': told }, body: told })
  return request.method === 'HEAD' ? full.subarray(0, full.length - told.length) : full
}
