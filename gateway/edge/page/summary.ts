import { html } from 'hono/html'
import type { Look } from './feed.ts'
import { badge, type Html, type Mood, span } from './words.ts'

/** What is wrong, if anything: in words of an operator. */
function troubles({ status, reloadFailure, policy }: Look): readonly (readonly [Mood, string])[] {
  const { keys, redis, upstreams, workers = [] } = status
  const found: [Mood, string][] = []
  if (reloadFailure()) {
    found.push(['bad', 'The policy file has faults: the policy from before them is in force.'])
  }
  if (keys?.source === 'stale') {
    const left = policy().keys.staleFor / 1000 - (keys.age ?? 0)
    found.push([
      'warn',
      `The issuer does not give its keys; the last ones serve for ${span(left)}.`,
    ])
  }
  if (redis?.up === false) {
    found.push(['warn', 'Redis does not answer; the gateway goes on alone.'])
  }
  for (const { dataSource, origins } of upstreams) {
    const down = origins.filter(({ usable }) => !usable)
    if (down.length === 0) continue
    const mood = down.length === origins.length ? 'bad' : 'warn'
    const names = down.map(({ origin }) => origin).join(', ')
    found.push([mood, `The API of ${dataSource} cannot be reached: ${names}.`])
  }
  for (const { pid, notReady } of workers) {
    if (notReady !== null) found.push(['warn', `Worker ${pid} is not ready: ${notReady}.`])
  }
  return found
}

/** Whether it works, at a glance. */
export function summary(look: Look): Html {
  const found = troubles(look)
  const worst = found.some(([mood]) => mood === 'bad') ? 'bad' : 'warn'
  const [mood, text]: [Mood, string] =
    look.notReady !== undefined
      ? ['bad', `Not ready: ${look.notReady}`]
      : found.length > 0
        ? [worst, 'Serving, with trouble']
        : ['good', 'Everything works']
  return html`<div id="summary" class="summary ${mood}" role="status" data-live="inside">
<p class="verdict">${badge(mood, text)}</p>
${found.length > 0 ? html`<ul>${found.map(([, what]) => html`<li>${what}</li>`)}</ul>` : ''}
</div>`
}
