import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../support/gateway.ts'
import { policyOf, read, readYaml, secondsOf, upstreamsOf, variablesOf } from './support.ts'

interface Service {
  readonly image: string
  readonly profiles?: readonly string[]
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly user: string
  readonly read_only: boolean
  readonly cap_drop: readonly string[]
  readonly security_opt: readonly string[]
  readonly environment?: Readonly<Record<string, string | number>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks: readonly string[]
  readonly command?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly deploy?: { readonly replicas: number }
  readonly stop_grace_period?: string
  readonly depends_on?: unknown
}

const FILE = 'docker/compose.yaml'
const POLICY = 'docker/policy/gateway.yaml'
const [compose] = readYaml(FILE) as [
  {
    readonly services: Readonly<Record<string, Service>>
    readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>
    readonly version?: string
  },
]
const { services } = compose
const service = (name: string): Service => {
  const it = services[name]
  if (!it) throw new Error(`no service ${name}`)
  return it
}
const gateway = service('gateway')

/** The value of every `${NAME:-default}`, and something (long enough for a secret) for every other variable. */
const environmentOf = (values: Service['environment'] = {}) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      String(value).replace(
        /\$\{\w+(?::-([^}]*))?[^}]*\}/g,
        (_, value?: string) => value ?? 'x'.repeat(16),
      ),
    ]),
  )

describe.each(Object.entries(services))('the service %s', (name, it) => {
  test('is not root, changes no file and has no capability', () => {
    expect(it).toMatchObject({
      user: expect.stringMatching(/^[1-9]\d{3,}:[1-9]\d{3,}$/),
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
  })

  test('has a health check', () => {
    const inImage = it.build?.dockerfile === 'docker/Dockerfile'
    expect(inImage || it.healthcheck !== undefined).toBe(true)
  })

  test('knows no secret but from outside, where a missing one stops the start', () => {
    for (const [variable, value] of Object.entries(it.environment ?? {})) {
      if (!/PASSWORD|SECRET|REDIS_URL/.test(variable)) continue
      expect(value, variable).toMatch(/^(redis:\/\/:)?\$\{\w+:\?[^}]+\}(@redis:6379)?$/)
    }
    expect((it.command ?? []).join(' ').replaceAll('$$', '')).not.toContain('${')
  })

  test('is published on this machine alone, if at all', () => {
    expect((it.ports ?? []).filter(port => !port.startsWith('127.0.0.1:'))).toEqual([])
    expect(it.ports !== undefined).toBe(['gateway', 'feide', 'grafana'].includes(name))
  })

  test('is mounted nothing that it could write to', () => {
    expect((it.volumes ?? []).filter(volume => !volume.endsWith(':ro'))).toEqual([])
  })
})

describe('secrets', () => {
  const needed = [...read(FILE).matchAll(/\$\{(\w+):\?/g)].map(([, name = '']) => name)
  const asked = [...new Set(needed)].sort()

  test('no long random text stands in a file', () => {
    for (const file of [FILE, POLICY]) expect(read(file)).not.toMatch(/[0-9a-f]{32}|[\w+/]{40}/)
  })

  test('the command at the top, and the smoke test, make those that are needed', () => {
    const made = (text: string) =>
      text
        .match(/for name in ([A-Z_ ]+);/)?.[1]
        ?.trim()
        .split(' ')
        .sort()
    expect(made(read(FILE))).toEqual(asked)
    expect(made(read('docker/smoke.sh'))).toEqual(asked)
    expect(made(read('README.md'))).toEqual(asked)
  })

  test('git ignores the files that they are made into', () => {
    const ignored = read('.gitignore').split('\n')
    expect(ignored).toContain('docker/.env')
    expect(ignored).toContain('docker/kubernetes/secrets.env')
  })
})

describe('networks', () => {
  test('APIs and Redis are where nobody but a gateway gets', () => {
    expect(compose.networks.inside).toEqual({ internal: true })
    const outside = Object.keys(services).filter(name => service(name).networks.includes('outside'))
    expect(outside.sort()).toEqual(['feide', 'gateway'])
    expect([...gateway.networks].sort()).toEqual(['inside', 'outside', 'watching'])
    const watching = Object.keys(services).filter(name =>
      service(name).networks.includes('watching'),
    )
    expect(watching.sort()).toEqual(['gateway', 'grafana', 'prometheus'])
  })

  test('every upstream of the policy is a service, on the port that it listens on', () => {
    const urls = upstreamsOf(POLICY)
    expect(urls.map(({ hostname }) => hostname).sort()).toEqual(['grades', 'reports'])
    for (const { hostname, port } of urls) {
      expect(service(hostname).networks).toEqual(['inside'])
      expect(service(hostname).healthcheck?.test.join(' ')).toContain(`127.0.0.1:${port}/`)
    }
    expect(service('reports').command).toContain('0.0.0.0:8000')
    expect(read('docker/local-stack/serve-legacy-api.ts')).toContain('?? 3000')
  })

  test('gateways and tokens mean the same issuer, byte for byte', () => {
    expect(gateway.environment?.FEIDE_ISSUER).toBe(service('feide').environment?.FEIDE_ISSUER)
    const { hostname, port } = new URL(String(gateway.environment?.FEIDE_ISSUER))
    expect(service(hostname).ports?.[0]).toMatch(new RegExp(`:${port}$`))
  })
})

describe('the gateways', () => {
  const environment = environmentOf(gateway.environment)
  const policy = policyOf(POLICY, environment)

  test('are two, with a port each', () => {
    expect(gateway.deploy?.replicas).toBe(2)
    expect(gateway.ports).toEqual([
      `127.0.0.1:\${GATEWAY_PORTS:-8080-8089}:${policy.listen.port}`,
      `127.0.0.1:\${ADMIN_PORTS:-9090-9099}:9090`,
    ])
  })

  test('have a policy without faults and warnings, and every variable that it asks for', () => {
    expect(policy.warnings).toEqual([])
    expect(variablesOf(read(POLICY)).toSorted()).toEqual(Object.keys(environment).toSorted())
  })

  test('listen for callers everywhere, for health checks inside only', () => {
    expect(policy.listen.host).toBe('0.0.0.0')
    expect(policy.admin).toMatchObject({ host: '127.0.0.1', port: 9090 })
    expect(policy.admin).toHaveProperty('secret', expect.stringMatching(/^x+$/))
  })

  test('have the folder of the policy mounted, where the image looks for it', () => {
    expect(gateway.volumes).toEqual([`\${POLICY_DIR:-./policy}:/etc/feide-gateway:ro`])
  })

  test('have longer to stop than requests have to finish', () => {
    const grace = secondsOf(gateway.stop_grace_period ?? '')
    expect(grace * 1000).toBeGreaterThan(policy.limits.drain)
  })

  test('authenticate what they read back from Redis', () => {
    expect(policy.redis?.secret).toBeDefined()
  })
})

describe('what looks on', () => {
  const extra = Object.keys(services).filter(name => service(name).profiles)
  test('is there when it is asked for, and else not', () => {
    expect(extra.sort()).toEqual(['grafana', 'prometheus'])
    for (const name of extra) expect(service(name).profiles).toEqual(['observe'])
    const others = Object.values(services).filter(({ profiles }) => !profiles)
    expect(JSON.stringify(others.map(({ depends_on }) => depends_on))).not.toMatch(/grafana|prom/)
  })
  test('has every file that it is mounted', () => {
    const files = extra.flatMap(name => service(name).volumes ?? []).map(text => text.split(':')[0])
    expect(files.filter(file => !existsSync(join(ROOT, 'docker', file ?? '')))).toEqual([])
  })
  test('asks the gateways where they listen when they are looked at', () => {
    const [config] = readYaml('docker/observe/prometheus.yaml') as [
      { scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[] },
    ]
    const [job] = config.scrape_configs
    expect(job?.dns_sd_configs).toMatchObject([{ names: ['gateway'], port: 9090 }])
    expect(read(FILE)).toContain('ADMIN_LISTEN=0.0.0.0:9090 docker compose')
  })
  test('Grafana asks Prometheus, under the name that its dashboard says', () => {
    const provisioned = readYaml('docker/observe/provisioning/datasources/prometheus.yaml') as [
      { datasources: { uid: string; url: string }[] },
    ]
    const [source] = provisioned[0].datasources
    expect(source).toMatchObject({ uid: 'prometheus', url: 'http://prometheus:9090' })
    const uids = [
      ...read('docker/observe/dashboards/feide-gateway.json').matchAll(
        /"type": "prometheus",\s+"uid": "([^"]+)"/g,
      ),
    ]
    expect(new Set(uids.map(([, uid]) => uid))).toEqual(new Set([source?.uid]))
    const [provider] = readYaml('docker/observe/provisioning/dashboards/feide-gateway.yaml') as [
      { providers: { options: { path: string } }[] },
    ]
    const path = provider.providers[0]?.options.path
    expect(service('grafana').volumes).toContain(`./observe/dashboards:${path}:ro`)
  })
})

test('both generations of compose read the file: no version, no newer keys', () => {
  expect(compose.version).toBeUndefined()
  expect(read(FILE)).not.toMatch(/^(name|include|configs|secrets):|develop:|env_file:\n\s+- path/m)
})
