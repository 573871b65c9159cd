// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the policy file
import { describe, expect, test } from 'vitest'
import { type Env, printed } from './support.ts'

const SECRET = 'hunter2/&%-geheim'

const policy = (upstream: string, before = '') => `${before}issuer: { url: https://a.no }
dataSources:
  grades:
    audience: grades
    upstream: ${upstream}
    routes: { GET /a: public }
`
const withCredentials = (text: string) => policy(`{ url: http://legacy, credentials: ${text} }`)
const withRedis = (text: string) => policy('http://legacy', `redis: ${text}\n`)

describe('a secret is never shown in a fault', () => {
  test.for<readonly [string, string, Env?]>([
    ['a password', withCredentials(`{ basic: { username: a, password: "${SECRET}\\n" } }`)],
    [
      'a password from the environment',
      withCredentials('{ basic: { username: a, password: "${P}" } }'),
      { P: `${SECRET}\n` },
    ],
    [
      'a password that is a default',
      withCredentials(`{ basic: { username: a, password: "\${P:-${SECRET}\\n}" } }`),
    ],
    [
      'a password with a variable in it',
      withCredentials(`{ basic: { username: a, password: "${SECRET}\${P}" } }`),
      { P: '\n' },
    ],
    [
      'a password with a variable that is missing',
      withCredentials(`{ basic: { username: a, password: "${SECRET}\${P}" } }`),
    ],
    [
      'a password beside a wrong user name',
      withCredentials(`{ basic: { username: "a:b", password: "${SECRET}" } }`),
    ],
    [
      'a password in a map that is unknown',
      withCredentials(`{ bassic: { username: a, password: "${SECRET}" } }`),
    ],
    ['a password in the place of a map', withCredentials(`{ basic: "dataporten:${SECRET}" }`)],
    ['a password in the place of all credentials', withCredentials(`"${SECRET}"`)],
    ['a password in a list', withCredentials(`{ basic: [dataporten, "${SECRET}"] }`)],
    ['a bearer', withCredentials(`{ bearer: "${SECRET}\\n" }`)],
    ['a bearer from the environment', withCredentials('{ bearer: "${B}" }'), { B: `${SECRET}\n` }],
    ['a bearer that is no text', withCredentials('{ bearer: [hunter2] }')],
    ['a secret of Redis', withRedis(`{ url: redis://r, secret: ["${SECRET}"] }`)],
    ['a password in the URL of Redis', withRedis(`{ url: "redis://:${SECRET}@my redis" }`)],
    [
      'a password in the URL of Redis, with another scheme',
      withRedis(`{ url: "http://:${SECRET}@redis" }`),
    ],
    [
      'a password in the URL of Redis, from the environment',
      withRedis('{ url: "${R}" }'),
      { R: `http://:${SECRET}@redis` },
    ],
    ['a password in the URL of an upstream', policy(`"http://dataporten:${SECRET}@legacy"`)],
    ['a password in a URL with a scheme of its own', policy(`"ftp://dataporten:${SECRET}@legacy"`)],
    [
      'a password in one URL of several',
      policy(`{ urls: ["http://dataporten:${SECRET}@legacy"] }`),
    ],
    ['a password with an @ in a URL', policy('"http://dataporten:x@hunter2@legacy"')],
    ['a password in a URL with spaces', policy(`"http://dataporten:my ${SECRET}@legacy"`)],
    [
      'a secret where a number is wanted',
      policy('http://legacy', 'workers: ${W}\n'),
      { W: SECRET },
    ],
  ])('%s', ([, text, env]) => {
    const { status, lines } = printed(text, env)
    expect({ status, isSaid: lines.length > 0 }).toEqual({ status: 1, isSaid: true })
    expect(lines.join('\n')).not.toMatch(/hunter2|geheim/)
  })
})
