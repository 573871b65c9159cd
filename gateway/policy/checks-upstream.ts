import type { PathRules } from '../model.ts'
import type { Say } from './faults.ts'
import { canonicalPath } from './path.ts'
import type { DataSourceFile } from './schema.ts'
import type { Path } from './source.ts'

/** How the settings of one upstream fit together. */
export function checkUpstream({ upstream }: DataSourceFile, path: Path, say: Say): void {
  if (typeof upstream === 'string') {
    checkBasePath(upstream, path, say)
    return
  }
  const { url, urls, health, tls } = upstream
  if (url !== undefined) checkBasePath(url, [...path, 'url'], say)
  for (const [i, one] of (urls ?? []).entries()) checkBasePath(one, [...path, 'urls', i], say)
  if (url === undefined && urls === undefined) say([...path, 'url'], 'a URL, or `urls`')
  if (url !== undefined && urls !== undefined) {
    say([...path, 'urls'], 'either `url` or `urls`', { got: 'both', at: 'key' })
  }
  if (health && !isPlain(health.path.split('?')[0] ?? '')) {
    say([...path, 'health', 'path'], 'a path that can be read in one way only')
  }
  if (tls) checkTls(tls, [url ?? [], urls ?? []].flat(), [...path, 'tls'], say)
}

type Tls = NonNullable<Exclude<DataSourceFile['upstream'], string>['tls']>

function checkTls({ cert, key }: Tls, urls: readonly string[], path: Path, say: Say): void {
  if (urls.length > 0 && !urls.some(url => /^https:/i.test(url))) {
    say(path, 'an https:// URL beside it', { got: urls.join(', '), at: 'key' })
  }
  if (cert !== undefined && key === undefined) say([...path, 'key'], 'the private key of `cert`')
  if (key !== undefined && cert === undefined) say([...path, 'cert'], 'the certificate of `key`')
}

/** The path of an upstream is put before every request's: it must not be open to interpretation. */
function checkBasePath(url: string, path: Path, say: Say): void {
  const basePath = basePathOf(url)
  const closed = basePath.endsWith('/')
  if (closed || (basePath !== '' && !isPlain(basePath))) {
    say(path, 'a URL whose path can be read in one way only')
  }
}

const isPlain = (path: string): boolean => canonicalPath(path, STRICT) === path

/** As written: `new URL` would resolve dot segments and encode anew. */
export const basePathOf = (url: string): string =>
  (/^https?:\/\/[^/]*(.*)$/.exec(url)?.[1] ?? '').replace(/\/$/, '')

const STRICT: PathRules = {
  encodedSlash: true,
  semicolon: true,
  emptySegments: false,
  caseInsensitive: false,
}
