import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import packageJson from '../../../package.json' with { type: 'json' }
import { ROOT } from '../../support/gateway.ts'
import { policy } from '../../support/policy.ts'
import { type Contestant, type Setup, WORK } from '../contestant.ts'

/** What the image tells Node, and nothing else. */
export const NODE_FLAGS: readonly string[] = [
  '--max-semi-space-size=16',
  '--no-maglev',
  '--v8-pool-size=1',
]

/**
 * As it stands in the package and the image, with the whole contract: header rules, request ids, the
 * access log, metrics, keys from the issuer.
 */
export const gateway: Contestant = {
  name: 'gateway',
  authenticates: true,
  missing: () => undefined,
  title: () => `feide-gateway ${packageJson.version}`,
  command: setup => {
    build()
    return serve('dist/main.cjs', setup)
  },
}

/** As it runs in a checkout: the types are taken away while it starts. */
export const checkedOutGateway: Contestant = {
  ...gateway,
  name: 'gateway-source',
  title: () => `${gateway.title()}, not built`,
  command: setup => serve('gateway/main.ts', setup),
}

let isBuilt = false

function build(): void {
  if (isBuilt) return
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'build'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`npm run build: ${stdout}${stderr}`)
  isBuilt = true
}

function serve(main: string, setup: Setup): string[] {
  const file = join(setup.directory, 'gateway.yaml')
  writeFileSync(file, policyOf(setup))
  const profile = setup.profile ? ['--cpu-prof', '--cpu-prof-dir', setup.profile] : []
  return [process.execPath, ...NODE_FLAGS, ...profile, join(ROOT, main), 'serve', '--config', file]
}

function policyOf({ port, upstreamPort, issuer, routes }: Setup): string {
  const { username, password, gatekeeper, scope } = WORK
  const all = { 'GET /**': { scopes: [scope] }, 'POST /**': { scopes: [scope] } }
  return policy({
    listen: `127.0.0.1:${port}`,
    // Tokens are signed long before they are used.
    issuer: { url: issuer, ...{ maxLifetime: '24h' } },
    limits: { connections: 30_000 },
    upstream: `http://127.0.0.1:${upstreamPort}`,
    dataSources: {
      grades: {
        upstream: { credentials: { basic: { username, password } } },
        headers: { gatekeeper },
        routes: routes === undefined ? all : manyRoutes(routes),
      },
    },
  })
}

/** Routes as an API has them: collections, members, what is under a member, files. */
const manyRoutes = (count: number) =>
  Object.fromEntries(
    routePatterns(count).map(pattern => [`GET ${pattern}`, { scopes: [WORK.scope] }]),
  )

const FORMS = ['/api/N', '/api/N/items/{id}', '/api/N/items/{id}/parts', '/api/N/files/**']

const routePatterns = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => (FORMS[i % FORMS.length] ?? '').replace('N', String(i)))

/** A path for each of these routes. */
export const routePaths = (count: number): string[] =>
  routePatterns(count).map((pattern, i) => pattern.replace('{id}', `id-${i}`).replace('**', 'a/b'))
