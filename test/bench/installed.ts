import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Contestant } from './contestant.ts'
import { BENCH, debian } from './contestants/packages.ts'

/** What no scenario can do without: the load, and the API behind all. */
const NEEDED = ['wrk', 'nginx'] as const

/** Throws where something is missing without which nothing can be measured. */
export function assertTools(): void {
  const missing = NEEDED.filter(command => debian(command) !== undefined)
  if (missing.length === 0) return
  throw new Error(`${missing.join(' and ')} missing: apt-get install ${missing.join(' ')}`)
}

/** Those contestants that can take part; of the others it is said what they lack. */
export function installedOnes(
  contestants: readonly Contestant[],
  say: (text: string) => void,
): readonly Contestant[] {
  installPackages(say)
  return contestants.filter(({ name, missing }) => {
    const remedy = missing()
    if (remedy !== undefined) say(`${name} does not take part: it is not installed. ${remedy}`)
    return remedy === undefined
  })
}

/** The npm packages of the peers, in the bench's own folder. */
function installPackages(say: (text: string) => void): void {
  if (existsSync(join(BENCH, 'node_modules'))) return
  say('installing the packages of the peers (test/bench/package.json)')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: BENCH,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) say('npm ci in test/bench failed')
}
