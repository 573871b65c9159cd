import { html } from 'hono/html'
import type { ExplainedRoute } from '../../explain/explanation.ts'
import { ANSWERS } from '../../policy/denial.ts'
import type { Refusal } from '../refusals.ts'
import type { Look } from './feed.ts'
import { ADVICE } from './why.ts'
import { alternativesOf, clock, type Html, scopesOf, timeOf } from './words.ts'

/** The last refusals, each with why and what would have been needed. */
export function refusalList({ refusals }: Look): Html {
  const latest = refusals.latest()
  const items = latest.map(
    refusal => html`<li id="refusal-${refusal.id}"><details>
<summary>${timeOf(refusal.at)} <span class="status">${refusal.status}</span> <code class="code">${refusal.code}</code>
<span class="where">${whereOf(refusal)}</span> <span class="client">${refusal.token?.clientId ?? ''}</span></summary>
${why(refusal)}</details></li>`,
  )
  return html`<ol id="refusals" class="refusals" data-live="list">${items}</ol>`
}

const whereOf = ({ route, dataSource, method }: Refusal): string =>
  route ? `${dataSource}: ${route.key}` : `${method}, no route`

function why(refusal: Refusal): Html {
  const { code, detail, cause, route, token, requestId, method } = refusal
  return html`<div class="why">
<p><strong>${ANSWERS[code].title}.</strong> ${detail}</p>
<p class="advice">${withCode(ADVICE[code])}</p>
<dl>
${entry('Needed', route && needs(route))}
${entry('Audience', route && route.access !== 'public' ? route.audiences.join(' or ') : undefined)}
${entry('The token has', token && held(token.scopes, token.kind))}
${entry('Missing', code === 'scope_missing' && route && token ? missing(route, token.scopes) : undefined)}
${entry('Why, says the log', cause)}
${entry('Client', token ? html`<code>${token.clientId}</code>` : 'not known: no token was found good')}
${entry('Method', method)}
${entry('Route', route && html`<code>${route.key}</code>, line ${route.line} of the policy, data source <code>${route.dataSource}</code>`)}
${entry('Request id', html`<code>${requestId}</code> (in the log at ${clock(refusal.at)})`)}
</dl></div>`
}

const entry = (name: string, value: Html | string | undefined): Html | '' =>
  value === undefined ? '' : html`<div><dt>${name}</dt><dd>${value}</dd></div>`

/** What a route asks for. */
export function needs({ access, scopes, principal, clients }: ExplainedRoute): Html {
  const token =
    access === 'public'
      ? 'nothing: it is public'
      : access === 'authenticated'
        ? 'any valid token for this data source'
        : html`a token with ${alternativesOf(scopes)}`
  const whom = principal === 'any' ? '' : `, of a ${principal}`
  const who = clients === undefined ? '' : `, of one of ${clients} client(s)`
  return html`${token}${whom}${who}`
}

export const held = (scopes: readonly string[], kind: string): Html =>
  html`${scopes.length === 0 ? 'no scopes' : scopesOf(scopes)}; it speaks for a ${kind}`

/** Of the alternatives the one of which least is missing. */
function missing({ scopes }: ExplainedRoute, granted: readonly string[]): Html | undefined {
  const lists = scopes.map(list => list.filter(scope => !granted.includes(scope)))
  const [nearest] = lists.toSorted((a, b) => a.length - b.length)
  return nearest && scopesOf(nearest)
}

/** Names between backquotes are those of the policy file. */
export const withCode = (text: string): Html =>
  html`${text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))}`
