import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from './support/gateway.ts'

const GATEWAY = join(ROOT, 'gateway')

/** Lower ones first: a file imports from its own layer or from one below. */
const LAYERS: readonly (readonly RegExp[])[] = [
  [/^model\.ts$/, /^timer\.ts$/, /^policy\/denial\.ts$/],
  [/^policy\//],
  [/^token\//, /^feide\//],
  [/^gate\.ts$/],
  [/^explain\//],
  [/^upstream\//, /^edge\//],
  [/^serve\.ts$/, /^callers\.ts$/, /^engine\.ts$/, /^workers\//],
  [/^commands\//],
  [/^cli\//],
  [/^main\.ts$/],
]

/** Each outside package belongs to one room. */
const ROOMS: Readonly<Record<string, RegExp>> = {
  yaml: /^policy\//,
  zod: /^policy\//,
  jose: /^token\//,
  oauth4webapi: /^feide\//,
  'lru-cache': /^token\/|^feide\//,
  // Its parser alone: see there.
  undici: /^upstream\/llhttp\.ts$/,
  'http-proxy-3': /^upstream\//,
  // Loaded when somebody opens the page: `edge/admin.ts` has no import of theirs.
  hono: /^edge\/page\//,
  '@hono/node-server': /^edge\/page\/listener\.ts$/,
  'prom-client': /^edge\//,
  ioredis: /^edge\//,
  commander: /^cli\//,
  // Loaded where they are asked for alone: `edge/trace.ts` has no import of theirs.
  '@opentelemetry/api': /^edge\/(?:tracing|span-attributes)\.ts$/,
  '@opentelemetry/exporter-trace-otlp-http': /^edge\/spans\.ts$/,
  '@opentelemetry/resources': /^edge\/spans\.ts$/,
  '@opentelemetry/sdk-trace': /^edge\/(?:spans|sampler)\.ts$/,
}

type Source = { readonly file: string; readonly code: string; readonly imports: readonly string[] }

const sources: readonly Source[] = readdirSync(GATEWAY, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .map(file => {
    const text = readFileSync(join(GATEWAY, file), 'utf8')
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
    return { file, code, imports: importsOf(code) }
  })
  .sort((a, b) => (a.file < b.file ? -1 : 1))

function importsOf(code: string): string[] {
  const forms = [
    /^\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]/gm,
    /^\s*import\s+['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  ]
  return forms.flatMap(form => [...code.matchAll(form)].map(([, name = '']) => name))
}

const layerOf = (file: string) => LAYERS.findIndex(rooms => rooms.some(room => room.test(file)))

const isInside = (name: string) => name.startsWith('.')
const targetOf = (file: string, name: string) =>
  relative(GATEWAY, resolve(GATEWAY, dirname(file), name))

/** `@scope/name/part` -> `@scope/name`. */
const packageOf = (name: string) =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')

const everyImport = sources.flatMap(({ file, imports }) => imports.map(name => ({ file, name })))
const outside = everyImport.filter(({ name }) => !isInside(name) && !name.startsWith('node:'))
const inside = everyImport
  .filter(({ name }) => isInside(name))
  .map(({ file, name }) => ({ file, target: targetOf(file, name) }))

const shown = ({ file, target }: { readonly file: string; readonly target: string }) =>
  `${file} -> ${target}`

describe('layers', () => {
  test('every file has one', () => {
    expect(sources.map(({ file }) => file).filter(file => layerOf(file) === -1)).toEqual([])
  })
  test('a file imports from its own or from one below', () => {
    const upwards = inside.filter(({ file, target }) => layerOf(target) > layerOf(file))
    expect(upwards.map(shown)).toEqual([])
    expect(inside.length).toBeGreaterThan(100)
  })
  test('a file imports nothing from beside the gateway', () => {
    expect(inside.filter(({ target }) => target.startsWith('..')).map(shown)).toEqual([])
  })
  test('the parts of Node have their prefix', () => {
    const known = [...Object.keys(ROOMS)]
    expect(outside.filter(({ name }) => !known.includes(packageOf(name)))).toEqual([])
  })
})

describe('packages', () => {
  test('each belongs to one room', () => {
    const elsewhere = outside.filter(({ file, name }) => !ROOMS[packageOf(name)]?.test(file))
    expect(elsewhere).toEqual([])
  })
  test('each that is installed is used, and each that is used is installed', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const used = new Set(outside.map(({ name }) => packageOf(name)))
    expect([...used].sort()).toEqual(Object.keys(dependencies).sort())
  })
})

describe('what only one file does', () => {
  const filesWith = (pattern: RegExp) =>
    sources.filter(({ code }) => pattern.test(code)).map(({ file }) => file)
  test.for([
    [
      'touch the process',
      /\bprocess\s*(?:\.|\?\.|\[)|node:process|\{[^}]*\}\s*=\s*process\b/,
      'main.ts',
    ],
    ['make a permit', /\bas (?:unknown as )?Permit\b/, 'policy/access.ts'],
    ['say that a path is canonical', /\bas (?:unknown as )?CanonicalPath\b/, 'policy/path.ts'],
  ] as const)('%s', ([, pattern, file]) => {
    expect(filesWith(pattern)).toEqual([file])
  })
  test('none loads the code of a command before that is asked for', () => {
    const early = sources
      .filter(({ file }) => file === 'main.ts' || file.startsWith('cli/'))
      .flatMap(({ file, code }) =>
        [...code.matchAll(/^import (?!type )[^']*'(\.[^']+)'/gm)].map(([, name = '']) => {
          return targetOf(file, name)
        }),
      )
    const others = early.filter(target => !target.startsWith('cli/'))
    expect([...new Set(others)]).toEqual(['commands/terminal.ts'])
    expect(early).toContain('cli/serve.ts')
  })
  test('no file writes to the console', () => {
    expect(filesWith(/\bconsole\s*\./)).toEqual([])
  })
})
