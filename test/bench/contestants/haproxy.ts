import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Contestant, KEEP_ALIVE, type Setup, WORK } from '../contestant.ts'
import { debian, versionOf } from './packages.ts'

/** The whole work in HAProxy's own words (2.5 or later); it checks the signature on every request. */
export const haproxy: Contestant = {
  name: 'haproxy',
  authenticates: true,
  mostCallers,
  missing: () => debian('haproxy') ?? tooOld(),
  title: () => `HAProxy ${versionOf('haproxy', '-v')}, jwt_verify`,
  command: setup => {
    const file = join(setup.directory, 'haproxy.cfg')
    writeFileSync(file, configurationOf(setup))
    // In the foreground, as one process.
    return ['haproxy', '-db', '-f', file]
  },
}

/** `jwt_verify` came with 2.5. */
function tooOld(): string | undefined {
  const version = versionOf('haproxy', '-v')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major * 100 + minor >= 205 ? undefined : `HAProxy ${version} is too old: 2.5 or later`
}

/** It asks for two descriptors for each. */
function mostCallers(descriptors: number): number {
  return Math.floor((descriptors - 200) / 2)
}

const configurationOf = (setup: Setup): string => `
global
  nbthread 1
  maxconn ${mostCallers(setup.descriptors)}
  tune.maxrewrite 4096
  tune.bufsize 32768
  log stdout format raw local0 info

defaults
  mode http
  log global
  option http-keep-alive
  timeout connect 5s
  timeout client ${KEEP_ALIVE}ms
  timeout server 120s
  timeout tunnel 1h
  timeout http-keep-alive ${KEEP_ALIVE}ms
  timeout http-request 10s

frontend callers
  bind 127.0.0.1:${setup.port}
  log-format '${LOG}'
${tokenRules(setup)}
${headerRules(setup)}
  default_backend api

backend api
  http-reuse always
  server api 127.0.0.1:${setup.upstreamPort}
`

const LOG =
  '{"requestId":"%[var(txn.id)]","clientId":"%[var(txn.client)]","method":"%HM",' +
  '"path":"%HPO","status":%ST,"durationMs":%Ta,"upstreamMs":%Tr}'

const CLAIM = (name: string, claim: string, type = '') =>
  `  http-request set-var(txn.${name}) var(txn.bearer),jwt_payload_query('$.${claim}'${type})`

const tokenRules = ({ issuer, keyFile }: Setup): string => `
  http-request set-var(txn.id) req.hdr(X-Request-Id) if { req.hdr(X-Request-Id) -m reg ^[A-Za-z0-9._-]{1,128}$ }
  http-request set-var(txn.id) uuid() unless { var(txn.id) -m found }
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
${CLAIM('iss', 'iss')}
${CLAIM('aud', 'aud')}
${CLAIM('exp', 'exp', ",'int'")}
${CLAIM('scope', 'scope')}
${CLAIM('sub', 'sub')}
${CLAIM('client', 'client_id')}
  http-request set-var(txn.now) date()
  http-request return status 401 unless { var(txn.alg) -m str RS256 }
  http-request return status 401 unless { var(txn.iss) -m str ${issuer} }
  http-request return status 401 unless { var(txn.aud) -m str ${WORK.audience} }
  http-request return status 401 unless { var(txn.exp),sub(txn.now) -m int gt 0 }
  http-request return status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"${keyFile}") -m int 1 }
  http-request return status 403 unless { var(txn.scope) -m reg '(^| )${WORK.scope}( |$)' }`

/** The scopes stand in the token as they are to be sent: HAProxy cannot sort. */
const headerRules = ({ upstreamPort }: Setup): string => `
  http-request del-header X-Dataporten- -m beg
  http-request set-header Authorization "${WORK.authorization}"
  http-request set-header X-Dataporten-gatekeeper ${WORK.gatekeeper}
  http-request set-header X-Dataporten-clientid %[var(txn.client)]
  http-request set-header X-Dataporten-userid %[var(txn.sub)] unless { var(txn.sub),strcmp(txn.client) eq 0 }
  http-request set-header X-Dataporten-scopes "%[var(txn.scope),regsub(' ',',',g)]"
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Request-Id %[var(txn.id)]
  http-request set-header Host 127.0.0.1:${upstreamPort}
  http-response set-header X-Request-Id %[var(txn.id)]`
