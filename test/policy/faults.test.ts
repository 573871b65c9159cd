// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the policy file
import { describe, expect, test } from 'vitest'
import { checked, type Env, yaml } from './support.ts'

const ALGORITHMS = 'RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, Ed25519, EdDSA'
const DURATION = 'a duration above zero such as 250ms, 5s, 10m or 24h'
const ACCESS = '{ scopes: […] }, `authenticated` or `public`'
const URL = 'an http:// or https:// URL without user, query and fragment'

type Broken = {
  readonly name: string
  readonly text: string
  readonly env?: Env
  readonly says: readonly string[]
}

const BROKEN: readonly Broken[] = [
  {
    name: 'settings of the gateway itself',
    text: yaml`
      listen: 8080 somewhere
      admin: nowhere
      workers: 0
      trustedProxies: [10.0.0.0/8, 10.0.0.0/33, example.no]
      log: { level: loud, userid: yes, format: xml, sample: 1.5 }
      limits: { headerTimeout: 0s, connections: 0, drain: 5 seconds }
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        grades:
          audience: grades
          upstream: http://legacy:3000
          routes: { GET /courses: public }
    `,
    says: [
      '1:9: listen: expected an address such as 127.0.0.1:8080, got "8080 somewhere"',
      '2:8: admin: expected an address such as 127.0.0.1:8080, got "nowhere"',
      '3:10: workers: expected a whole number above zero, got 0',
      '4:30: trustedProxies[1]: expected an IP address or range such as 10.0.0.0/8, got "10.0.0.0/33"',
      '4:43: trustedProxies[2]: expected an IP address or range such as 10.0.0.0/8, got "example.no"',
      '5:15: log.level: expected one of trace, debug, info, warn, error, fatal, silent, got "loud"',
      '5:29: log.userid: expected true or false, got "yes"',
      '5:42: log.format: expected one of json, pretty, got "xml"',
      '5:55: log.sample: expected a number from 0 to 1, got 1.5',
      `6:26: limits.headerTimeout: expected ${DURATION}, got "0s"`,
      '6:43: limits.connections: expected a whole number above zero, got 0',
      `6:53: limits.drain: expected ${DURATION}, got "5 seconds"`,
    ],
  },
  {
    name: 'an issuer that cannot be trusted, keys and Redis',
    text: yaml`
      issuer:
        url: http://auth.dataporten.no
        jwksUri: http://auth.dataporten.no/jwks
        algorithms: [RS256, none, HS256]
        clockTolerance: 0s
      keys: { refresh: 10 minutes, staleFor: 1d }
      redis: { url: http://redis:6379, secret: "" }
      dataSources:
        grades:
          audience: grades
          upstream: http://legacy:3000
          routes: { GET /courses: public }
    `,
    says: [
      '2:8: issuer.url: expected https:// (or `issuer.allowHttp: true`), got "http://auth.dataporten.no"',
      '3:12: issuer.jwksUri: expected https:// (or `issuer.allowHttp: true`), got "http://auth.dataporten.no/jwks"',
      `4:23: issuer.algorithms[1]: expected one of ${ALGORITHMS}, got "none"`,
      `4:29: issuer.algorithms[2]: expected one of ${ALGORITHMS}, got "HS256"`,
      `5:19: issuer.clockTolerance: expected ${DURATION}, got "0s"`,
      `6:18: keys.refresh: expected ${DURATION}, got "10 minutes"`,
      `6:40: keys.staleFor: expected ${DURATION}, got "1d"`,
      '7:15: redis.url: expected a redis:// or rediss:// URL, got a value that is not shown here',
      '7:42: redis.secret: expected a secret, got a value that is not shown here',
    ],
  },
  {
    name: 'keys that nobody knows, at every depth',
    text: yaml`
      listn: 127.0.0.1:8080
      issuer: { url: https://auth.dataporten.no, audience: grades }
      dataSources:
        grades:
          audience: grades
          upstream: { url: http://legacy:3000, timout: 5s }
          headers:
            scopes: { renam: { read: readall } }
            inject: { X-Name: { claim: name, default: none } }
          paths: { alow: [";"] }
          rotes: {}
          routes:
            GET /courses: { scopes: [read], scope: read }
    `,
    says: [
      '1:1: listn: expected a known key, got "listn"',
      '2:44: issuer.audience: expected a known key, got "audience"',
      '6:42: dataSources.grades.upstream.timout: expected a known key, got "timout"',
      '8:17: dataSources.grades.headers.scopes.renam: expected a known key, got "renam"',
      '9:40: dataSources.grades.headers.inject.X-Name.default: expected a known key, got "default"',
      '10:14: dataSources.grades.paths.alow: expected a known key, got "alow"',
      '11:5: dataSources.grades.rotes: expected a known key, got "rotes"',
      '13:39: dataSources.grades.routes["GET /courses"].scope: expected a known key, got "scope"',
    ],
  },
  {
    name: 'routes that do not say what they ask for',
    text: yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        grades:
          audience: grades
          upstream: http://legacy:3000
          routes:
            GET /empty: { scopes: [] }
            GET /missing: {}
            GET /nothing:
            GET /list: []
            GET /principal: { principal: user }
            GET /any-of: { scopes: { anyOf: [] } }
            GET /inner: { scopes: { anyOf: [read, []] } }
            GET /word: { scopes: read }
            GET /open: open
            GET /null: { scopes: null }
            GET /true: true
    `,
    says: [
      '7:29: dataSources.grades.routes["GET /empty"].scopes: expected at least one scope, got []',
      '8:7: dataSources.grades.routes["GET /missing"].scopes: expected a list of scopes, or { anyOf: […] }, got nothing',
      `9:20: dataSources.grades.routes["GET /nothing"]: expected ${ACCESS}, got nothing`,
      `10:18: dataSources.grades.routes["GET /list"]: expected ${ACCESS}, got []`,
      '11:7: dataSources.grades.routes["GET /principal"].scopes: expected a list of scopes, or { anyOf: […] }, got nothing',
      '12:39: dataSources.grades.routes["GET /any-of"].scopes.anyOf: expected at least one alternative, got []',
      '13:45: dataSources.grades.routes["GET /inner"].scopes.anyOf[1]: expected at least one scope, got []',
      '14:28: dataSources.grades.routes["GET /word"].scopes: expected a list of scopes, or { anyOf: […] }, got "read"',
      `15:18: dataSources.grades.routes["GET /open"]: expected ${ACCESS}, got "open"`,
      '16:28: dataSources.grades.routes["GET /null"].scopes: expected a list of scopes, or { anyOf: […] }, got nothing',
      `17:18: dataSources.grades.routes["GET /true"]: expected ${ACCESS}, got true`,
    ],
  },
  {
    name: 'routes of the same shape',
    text: yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        grades:
          audience: grades
          hosts: [api.example.no, grades.example.no]
          upstream: http://legacy:3000
          routes:
            GET /courses/{id}: { scopes: [read] }
            GET /courses/{course}: public
            GET,POST /courses: { scopes: [read] }
            POST /courses: public
        exams:
          audience: exams
          hosts: [API.example.no.]
          upstream: http://legacy:4000
          routes:
            GET /courses/{id}/: public
            ANY /courses: { scopes: [admin] }
            GET /courses: public
    `,
    says: [
      '9:7: dataSources.grades.routes["GET /courses/{course}"]: expected a shape that no other route of the host has for GET, got that of grades "GET /courses/{id}"',
      '11:7: dataSources.grades.routes["POST /courses"]: expected a shape that no other route of the host has for POST, got that of grades "GET,POST /courses"',
      '19:7: dataSources.exams.routes["GET /courses"]: expected a shape that no other route of the host has for GET, got that of grades "GET,POST /courses"',
    ],
  },
  {
    name: 'data sources of one host that read paths differently',
    text: yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        grades:
          audience: grades
          upstream: http://legacy:3000
          paths: { allow: ["%2F"] }
          routes: { GET /grades: public }
        exams:
          audience: exams
          upstream: http://legacy:4000
          routes: { GET /exams: public }
        rooms:
          audience: rooms
          upstream: http://legacy:5000
          paths: { allow: ["%2F"], case: insensitive }
          routes: { GET /rooms: public }
    `,
    says: [
      '8:3: dataSources.exams.paths: expected the same `paths` as grades, which serves the same host, got other ones',
      '15:5: dataSources.rooms.paths: expected the same `paths` as grades, which serves the same host, got other ones',
    ],
  },
  {
    name: 'routes that can never match',
    text: yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        grades:
          audience: grades
          upstream: http://legacy:3000
          routes:
            GET /a/../b: public
            get /a: public
            TRACE,CONNECT /a: public
            GET /a%2Fb: public
            GET /%41: public
            GET /**/a: public
            GET /.well-known/oauth-protected-resource: public
    `,
    says: [
      '7:7: dataSources.grades.routes["GET /a/../b"]: expected a pattern that a path can match, got /a/../b, which holds a dot segment',
      '8:7: dataSources.grades.routes["get /a"]: expected an HTTP method in capitals, or ANY, got get',
      '9:7: dataSources.grades.routes["TRACE,CONNECT /a"]: expected a method that can match (TRACE and CONNECT are refused), got TRACE',
      '9:7: dataSources.grades.routes["TRACE,CONNECT /a"]: expected a method that can match (TRACE and CONNECT are refused), got CONNECT',
      '10:7: dataSources.grades.routes["GET /a%2Fb"]: expected a pattern that a path can match, got /a%2Fb, which holds an encoded slash',
      '11:7: dataSources.grades.routes["GET /%41"]: expected the canonical form (/A), got /%41',
      '12:7: dataSources.grades.routes["GET /**/a"]: expected {name} for one segment, or ** as the last one, got **',
      '13:7: dataSources.grades.routes["GET /.well-known/oauth-protected-resource"]: expected a path that the gateway does not answer itself, got /.well-known/oauth-protected-resource',
    ],
  },
  {
    name: 'injected names that collide, and a name that is allowed for nothing',
    text: yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        grades:
          audience: grades
          upstream: http://legacy:3000
          headers:
            inject:
              x_dataporten.userid: { claim: sub }
              Host: { claim: sub }
              Content-Language: { claim: locale }
              Transfer-Encoding: { claim: sub }
              X-Name: { claim: name }
              x_name: { claim: name }
            allow: [x_name]
          routes: { GET /courses: public }
    `,
    says: [
      '8:9: dataSources.grades.headers.inject["x_dataporten.userid"]: expected a name that the profile does not use, got "x_dataporten.userid"',
      '9:9: dataSources.grades.headers.inject.Host: expected a name that neither HTTP nor the gateway itself needs, got "Host"',
      '10:9: dataSources.grades.headers.inject.Content-Language: expected a name that neither HTTP nor the gateway itself needs, got "Content-Language"',
      '11:9: dataSources.grades.headers.inject.Transfer-Encoding: expected a name that neither HTTP nor the gateway itself needs, got "Transfer-Encoding"',
      '13:9: dataSources.grades.headers.inject.x_name: expected a name that differs from the others in more than its punctuation, got "x_name"',
      '14:15: warning: dataSources.grades.headers.allow[0]: expected a name that may pass (this one is never taken from a caller), got "x_name"',
    ],
  },
  {
    name: 'variables that are missing or of the wrong kind',
    text: yaml`
      listen: \${LISTEN}
      workers: \${WORKERS}
      log: { userid: "\${LOG_USERID}" }
      limits: { drain: "\${DRAIN:-0s}" }
      issuer: { url: "\${ISSUER}/\${TENANT}" }
      dataSources:
        grades:
          audience: \${AUDIENCE:-grades}
          upstream:
            url: http://legacy:3000
            credentials: { bearer: "\${file:no-such-file}" }
          routes: { GET /courses: public }
    `,
    env: { WORKERS: 'three', LOG_USERID: 'yes' },
    says: [
      '1:9: listen: expected the environment variable LISTEN to be set, got nothing',
      '2:10: workers: expected a whole number above zero, or `auto`, got the value of ${WORKERS}',
      '3:16: log.userid: expected true or false, got the value of ${LOG_USERID}',
      `4:18: limits.drain: expected ${DURATION}, got the value of \${DRAIN:-0s}`,
      '5:16: issuer.url: expected the environment variable ISSUER to be set, got nothing; expected the environment variable TENANT to be set, got nothing',
      '11:30: dataSources.grades.upstream.credentials.bearer: expected the file no-such-file to be readable, got no such file',
    ],
  },
  {
    name: 'upstreams and bodies',
    text: yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        none: { audience: a, upstream: {}, maxBody: 0MiB, routes: { GET /none: public } }
        both:
          audience: [a, ""]
          upstream: { url: http://a, urls: [http://b] }
          maxBody: 10MB
          routes: { GET /both: public }
        form:
          audience: []
          upstream:
            url: http://a?x
            host: a b
            connectTimeout: 0ms
            timeout: 0s
            credentials: { basic: { username: "a:b", password: "" } }
          maxBody: 10
          routes: {}
    `,
    says: [
      '3:24: dataSources.none.upstream.url: expected a URL, or `urls`, got nothing',
      '3:47: dataSources.none.maxBody: expected a size above zero such as 64KiB or 10MiB, got "0MiB"',
      '5:19: dataSources.both.audience[1]: expected visible ASCII characters, got ""',
      '6:32: dataSources.both.upstream.urls: expected either `url` or `urls`, got both',
      '7:14: dataSources.both.maxBody: expected a size above zero such as 64KiB or 10MiB, got "10MB"',
      '10:15: dataSources.form.audience: expected at least one audience, got []',
      `12:12: dataSources.form.upstream.url: expected ${URL}, got "http://a?x"`,
      '13:13: dataSources.form.upstream.host: expected a host name, got "a b"',
      `14:23: dataSources.form.upstream.connectTimeout: expected ${DURATION}, got "0ms"`,
      `15:16: dataSources.form.upstream.timeout: expected ${DURATION}, got "0s"`,
      '16:41: dataSources.form.upstream.credentials.basic.username: expected a user name without colon, got a value that is not shown here',
      '16:58: dataSources.form.upstream.credentials.basic.password: expected a password, got a value that is not shown here',
      '17:14: dataSources.form.maxBody: expected a size such as 10MiB, or `none`, got 10',
      '18:13: dataSources.form.routes: expected at least one route, got {}',
    ],
  },
  {
    name: 'a name that no data source can have hides no other fault',
    text: yaml`
      trustedProxies: [10.0.0.0/33]
      issuer: { url: http://auth.dataporten.no }
      dataSources:
        Grades:
          audience: grades
          upstream: http://legacy:3000
          routes: { GET /courses: { scopes: [] } }
    `,
    says: [
      '1:18: trustedProxies[0]: expected an IP address or range such as 10.0.0.0/8, got "10.0.0.0/33"',
      '2:16: issuer.url: expected https:// (or `issuer.allowHttp: true`), got "http://auth.dataporten.no"',
      '4:3: dataSources.Grades: expected an id of 2 to 63 small letters, digits and hyphens, got "Grades"',
      '7:39: dataSources.Grades.routes["GET /courses"].scopes: expected at least one scope, got []',
    ],
  },
  {
    name: 'a fault of a value hides no fault of how values fit together',
    text: yaml`
      listen: 127.0.0.1:9090
      admin: 127.0.0.1:9090
      workers: none
      issuer: { url: http://auth.dataporten.no, allowHttp: 1 }
      dataSources:
        grades:
          audience: grades
          upstream: legacy
          routes:
            GET /a/{x}: { scopes: [] }
            GET /a/{y}: public
    `,
    says: [
      '2:8: admin: expected another address than `listen`, got "127.0.0.1:9090"',
      '3:10: workers: expected a whole number above zero, or `auto`, got "none"',
      '4:16: issuer.url: expected https:// (or `issuer.allowHttp: true`), got "http://auth.dataporten.no"',
      '4:54: issuer.allowHttp: expected true or false, got 1',
      `8:15: dataSources.grades.upstream: expected ${URL}, got "legacy"`,
      '10:29: dataSources.grades.routes["GET /a/{x}"].scopes: expected at least one scope, got []',
      '11:7: dataSources.grades.routes["GET /a/{y}"]: expected a shape that no other route of the host has for GET, got that of grades "GET /a/{x}"',
    ],
  },
]

describe('check prints every fault at once, in the order of the file', () => {
  test.for(BROKEN)('$name', ({ text, env, says }) => {
    expect(checked(text, env)).toEqual({
      status: 1,
      lines: says.map(line => `policy.yaml:${line}`),
    })
  })
})
