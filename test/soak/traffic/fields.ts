import type { Hand } from '../hand.ts'
import type { Field } from '../shot.ts'
import type { Source } from '../sources.ts'

/** Headers that honest callers send, some of which are for one hop. */

const passing = (name: string, value: string): Field => ({ name, value, passes: true })
const dropped = (name: string, value: string): Field => ({ name, value, passes: false })

const USUAL: readonly Field[] = [
  passing('Accept', 'application/json, */*;q=0.8'),
  passing('User-Agent', 'soak/1.0 (like any other)'),
  passing('accept-language', 'nb-NO,nb;q=0.9,se;q=0.5'),
  passing('Accept-Encoding', 'gzip, br'),
  passing('Cookie', 'session=1; theme=dark'),
  passing('cookie', 'another=2'),
  passing('Referer', 'https://app.example.no/a?b=c'),
  passing('If-None-Match', '"abc", W/"def"'),
  passing('X-Empty', ''),
  passing('X-Latin', 'bl\xe5b\xe6rsyltet\xf8y'),
  passing('X-Spaced', '  in  between  '),
  passing('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
  passing('X-Dataporten', 'only looks alike'),
  passing('Dataporten-Userid', 'only looks alike'),
  dropped('Connection', 'keep-alive'),
  dropped('Keep-Alive', 'timeout=5'),
  dropped('TE', 'trailers'),
  dropped('Proxy-Connection', 'keep-alive'),
  dropped('X-Forwarded-For', '203.0.113.9'),
  dropped('X-Real-IP', '203.0.113.9'),
  dropped('X_Under_Score', 'folds into another'),
  dropped('X.Dot', 'folds into another'),
]

export function usualFields({ random }: Hand, { allow }: Source): Field[] {
  const count = random.below(7)
  const fields = Array.from({ length: count }, () => random.pick(USUAL))
  if (random.chance(0.15)) fields.push(passing(`X-Custom-${random.word(5)}`, random.word(40)))
  if (random.chance(0.05)) {
    fields.push({ name: 'api_key', value: random.word(8), passes: allow.includes('api_key') })
  }
  return fields
}

/** Each name once: for requests whose duplicates may be put together. */
export function distinct(fields: readonly Field[]): Field[] {
  const names = new Set<string>()
  return fields.filter(({ name }) => {
    const isNew = !names.has(name.toLowerCase())
    names.add(name.toLowerCase())
    return isNew
  })
}
