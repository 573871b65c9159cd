import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ROOT } from '../../support/gateway.ts'
import { isInstalled } from '../processes.ts'

/** The folder of the bench's own packages. */
export const BENCH = join(ROOT, 'test/bench')

/** How to get a program of Debian's. */
export const debian = (command: string): string | undefined =>
  isInstalled(command) ? undefined : `apt-get install ${command}`

/** How to get packages of the bench's own. */
export const npm = (...names: readonly string[]): string | undefined =>
  names.every(name => existsSync(join(BENCH, 'node_modules', name, 'package.json')))
    ? undefined
    : 'npm ci --prefix test/bench'

/** The first version that a program tells when it is asked. */
export function versionOf(command: string, option: string): string {
  const { stdout, stderr } = spawnSync(command, [option], { encoding: 'utf8' })
  return /\d+\.\d+(?:\.\d+)*/.exec(`${stdout}${stderr}`)?.[0] ?? ''
}

const PACKAGE = z.object({ version: z.string() })

/** The version of an npm package that is installed. */
export function npmVersion(name: string): string {
  const text = readFileSync(join(BENCH, 'node_modules', name, 'package.json'), 'utf8')
  return PACKAGE.parse(JSON.parse(text)).version
}
