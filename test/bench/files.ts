import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './bench.ts'
import { writeForgeries, writeTokens } from './tokens.ts'

/** A file with so many good tokens, new ones with each call. */
export const tokenFile = ({ directory, issuer }: Bench, name: string, count: number) =>
  writeTokens(join(directory, `tokens-${name}`), issuer, count)

/** A file with so many tokens whose signature is wrong. */
export const forgeryFile = ({ directory, issuer }: Bench, name: string, count: number) =>
  writeForgeries(join(directory, `forgeries-${name}`), issuer, count)

/** A file with these paths. */
export function pathFile({ directory }: Bench, name: string, paths: readonly string[]): string {
  const file = join(directory, `paths-${name}`)
  writeFileSync(file, `${paths.join('\n')}\n`)
  return file
}
