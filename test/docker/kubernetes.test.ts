import { Deployment } from 'kubernetes-models/apps/v1'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service } from 'kubernetes-models/v1'
import { describe, expect, test } from 'vitest'
import { policyOf, read, readYaml, upstreamsOf, variablesOf } from './support.ts'

const FOLDER = 'docker/kubernetes/'
const SCHEMAS = { Deployment, HorizontalPodAutoscaler, NetworkPolicy, PodDisruptionBudget, Service }

interface Kustomization {
  readonly resources: readonly string[]
  readonly images: readonly { readonly name: string; readonly newTag: string }[]
  readonly configMapGenerator: readonly Generator[]
  readonly secretGenerator: readonly Generator[]
}
interface Generator {
  readonly name: string
  readonly files?: readonly string[]
  readonly envs?: readonly string[]
  readonly options?: { readonly disableNameSuffixHash?: boolean }
}

const [kustomization] = readYaml(`${FOLDER}kustomization.yaml`) as [Kustomization]
const resources = kustomization.resources.flatMap(file => readYaml(`${FOLDER}${file}`)) as {
  readonly kind: keyof typeof SCHEMAS
  readonly metadata: { readonly name: string }
}[]

/** The one resource of a kind and a name, held against the schema of Kubernetes. */
const resource = <K extends keyof typeof SCHEMAS>(kind: K, name = 'feide-gateway') => {
  const found = resources.filter(it => it.kind === kind && it.metadata.name === name)
  expect(found).toHaveLength(1)
  const model = new SCHEMAS[kind](found[0] as never)
  model.validate()
  return model as InstanceType<(typeof SCHEMAS)[K]>
}

const pod = () => {
  const { template } = resource('Deployment').spec ?? {}
  const [container] = template?.spec?.containers ?? []
  if (!template?.spec || !container) throw new Error('the deployment has no container')
  return { labels: template.metadata?.labels, spec: template.spec, container }
}

const secretNames = read(`${FOLDER}secrets.env.example`).match(/^\w+(?==$)/gm) ?? []
const env = Object.fromEntries(secretNames.map(name => [name, 'redis://redis:6379']))
const policy = policyOf(`${FOLDER}gateway.yaml`, env)

describe('resources', () => {
  test.each(resources.map(it => [it.kind, it.metadata.name] as const))(
    '%s %s is what the schema of Kubernetes says',
    (kind, name) => void resource(kind, name),
  )

  test('a fault would be noticed', () => {
    const [first] = resources
    const spoilt = { ...first, spec: { template: { spec: { containers: 'none' } } } }
    expect(() => new Deployment(spoilt as never).validate()).toThrow()
  })

  test('every selector picks the pods of the gateway', () => {
    const { labels } = pod()
    expect(resource('Deployment').spec?.selector.matchLabels).toEqual(labels)
    expect(resource('Service').spec?.selector).toEqual(labels)
    expect(resource('PodDisruptionBudget').spec?.selector?.matchLabels).toEqual(labels)
    expect(resource('NetworkPolicy').spec?.podSelector?.matchLabels).toEqual(labels)
    expect(pod().spec.topologySpreadConstraints?.[0]?.labelSelector?.matchLabels).toEqual(labels)
  })

  test('the autoscaler scales the deployment, which leaves the number to it', () => {
    const { apiVersion, kind, metadata, spec } = resource('Deployment')
    const autoscaler = resource('HorizontalPodAutoscaler').spec
    expect(autoscaler?.scaleTargetRef).toEqual({ apiVersion, kind, name: metadata?.name })
    expect(spec?.replicas).toBeUndefined()
    expect(autoscaler?.minReplicas).toBeGreaterThanOrEqual(2)
    expect(pod().container.resources?.requests?.cpu).toBeDefined()
  })

  test('the budget leaves a gateway in place', () => {
    const { maxUnavailable } = resource('PodDisruptionBudget').spec ?? {}
    expect(maxUnavailable).toBeLessThan(resource('HorizontalPodAutoscaler').spec?.minReplicas ?? 0)
  })
})

describe('the policy', () => {
  test('has neither faults nor warnings, and asks for the variables of the secret alone', () => {
    expect(policy.warnings).toEqual([])
    expect(variablesOf(read(`${FOLDER}gateway.yaml`)).toSorted()).toEqual(secretNames.toSorted())
  })

  test('is a ConfigMap of one name, mounted as a folder where the image looks for it', () => {
    const [generator] = kustomization.configMapGenerator
    expect(generator).toEqual({
      name: 'feide-gateway-policy',
      files: ['gateway.yaml'],
      options: { disableNameSuffixHash: true },
    })
    const { container, spec } = pod()
    const mount = { name: 'policy', mountPath: '/etc/feide-gateway', readOnly: true }
    expect(container.volumeMounts).toEqual([mount])
    expect(spec.volumes).toEqual([{ name: 'policy', configMap: { name: generator?.name } }])
  })

  test('trusts the real Feide, over https', () => {
    const { url, allowHttp } = policy.issuer
    expect([url, allowHttp]).toEqual(['https://auth.dataporten.no', false])
  })
})

describe('the secret', () => {
  test('comes from a file that the user makes, and starts new pods when it changes', () => {
    expect(kustomization.secretGenerator).toEqual([
      { name: 'feide-gateway-secrets', envs: ['secrets.env'] },
    ])
    expect(pod().container.envFrom).toEqual([{ secretRef: { name: 'feide-gateway-secrets' } }])
  })

  test('has no value in the example', () => {
    const lines = read(`${FOLDER}secrets.env.example`).trim().split('\n')
    expect(lines.filter(line => !/^(#.*|[A-Z_]+=)$/.test(line))).toEqual([])
  })
})

describe('a pod', () => {
  test('is probed at the admin port of the policy', () => {
    const { container } = pod()
    const ports = Object.fromEntries(
      (container.ports ?? []).map(port => [port.name, port.containerPort]),
    )
    const admin = policy.admin === 'off' ? 0 : policy.admin.port
    expect(ports).toEqual({ http: policy.listen.port, admin })
    const { startupProbe, livenessProbe, readinessProbe } = container
    const probes = [startupProbe, livenessProbe, readinessProbe].map(probe => probe?.httpGet)
    expect(probes).toEqual([
      { path: '/healthz', port: 'admin' },
      { path: '/healthz', port: 'admin' },
      { path: '/readyz', port: 'admin' },
    ])
  })

  test('can be reached from outside of itself', () => {
    expect([policy.listen, policy.admin]).toMatchObject([{ host: '0.0.0.0' }, { host: '0.0.0.0' }])
  })

  test('has longer to end than it waits and requests take to finish', () => {
    const { container, spec } = pod()
    const wait = container.lifecycle?.preStop?.sleep?.seconds ?? Number.NaN
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(wait + policy.limits.drain / 1000)
  })

  test('is not root, changes no file and has no capability', () => {
    const { container, spec } = pod()
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: Number(/^USER (\d+)/m.exec(read('docker/Dockerfile'))?.[1]),
      seccompProfile: { type: 'RuntimeDefault' },
    })
    expect(container.securityContext).toEqual({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    })
    expect(spec.automountServiceAccountToken).toBe(false)
  })

  test('runs the image that the kustomization names, of the version of the package', () => {
    const { version } = JSON.parse(read('package.json'))
    const image = { name: pod().container.image, newTag: version }
    expect(kustomization.images).toEqual([expect.objectContaining(image)])
  })
})

describe('the network', () => {
  test('the Service shows what is for callers, and not the admin port', () => {
    const ports = resource('Service').spec?.ports ?? []
    expect(ports.map(({ targetPort }) => targetPort)).toEqual(['http'])
  })

  test('everybody reaches the port for callers, monitoring alone the admin port', () => {
    const [http, admin, more] = resource('NetworkPolicy').spec?.ingress ?? []
    expect(http).toEqual({ ports: [{ port: 'http' }] })
    expect(admin).toEqual({
      from: [
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
      ],
      ports: [{ port: 'admin' }],
    })
    expect(more).toBeUndefined()
  })

  test('the gateway reaches names, Feide, Redis and every upstream of the policy', () => {
    const egress = resource('NetworkPolicy').spec?.egress ?? []
    const open = egress.flatMap(({ to = [], ports = [] }) => {
      const labels = to[0]?.podSelector?.matchLabels
      return ports.map(({ port }) => `${labels?.['app.kubernetes.io/name'] ?? '*'}:${port}`)
    })
    const upstreams = upstreamsOf(`${FOLDER}gateway.yaml`).map(({ host }) => host)
    expect(open.toSorted()).toEqual(
      ['*:443', '*:53', '*:53', 'redis:6379', ...upstreams].toSorted(),
    )
  })

  test('nobody but the gateway reaches the API', () => {
    for (const { hostname, port } of upstreamsOf(`${FOLDER}gateway.yaml`)) {
      const { spec } = resource('NetworkPolicy', hostname)
      expect(spec?.policyTypes).toEqual(['Ingress'])
      expect(spec?.ingress).toEqual([
        { from: [{ podSelector: { matchLabels: pod().labels } }], ports: [{ port: Number(port) }] },
      ])
    }
  })
})
