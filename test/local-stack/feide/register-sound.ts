/** A small file in place of `docker/local-stack/feide.yaml`, without a fault. */
export const SOUND = `dataSources:
  exams:
    audience: https://n.feide.no/datasources/1
    accessLevels: [read]
    client: { id: api, secret: secret-of-the-api, scopes: [openid] }
clients:
  planner:
    name: Planner
    secret: secret-of-planner
    redirectUris: [http://127.0.0.1/callback]
    scopes: [openid, gk_exams, gk_exams_read]
groups:
  fc:org:example.no: { type: fc:org, displayName: Example }
users:
  bjorn:
    id: 76a7a061-3c55-430d-8ee0-6f82ec42501f
    name: Bjørn
    eduPersonPrincipalName: bjorn@example.no
    groups:
      fc:org:example.no: { basic: member }
`
