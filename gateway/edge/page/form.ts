import { html } from 'hono/html'
import { type Asked, parseAddress, parseClaims } from '../../explain/asked.ts'
import type { Explanation, TokenSaid } from '../../explain/explanation.ts'
import { held, needs, withCode } from './refused.ts'
import { ADVICE } from './why.ts'
import { badge, dayAndTime, type Html, scopesOf, span } from './words.ts'

/** What was filled into the form; the token, or the claims, is never shown again. */
export interface Filled {
  readonly method: string
  readonly url: string
  readonly token: string
}

export const EMPTY: Filled = { method: 'GET', url: '/', token: '' }

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** @param key shows that the form comes from this page */
export const explainForm = ({ method, url }: Filled, key: string): Html =>
  html`<form id="explain-form" method="post" action="explain" autocomplete="off">
<input type="hidden" name="key" value="${key}">
<p class="field"><label for="method">Method</label>
<select id="method" name="method">${METHODS.map(
    name => html`<option${name === method ? html` selected` : ''}>${name}</option>`,
  )}</select></p>
<p class="field wide"><label for="url">Path, or whole address</label>
<input id="url" name="url" required maxlength="16384" value="${url}" spellcheck="false" autocapitalize="none"></p>
<p class="field all"><label for="token">Token, or claims as JSON (may be left out)</label>
<textarea id="token" name="token" rows="4" maxlength="20000" spellcheck="false" autocapitalize="none" aria-describedby="token-help"></textarea>
<span id="token-help" class="quiet">A token is checked with the gateway’s own keys. It goes no further than the gateway, and is neither kept nor logged.</span></p>
<p class="all"><button type="submit">Explain</button></p>
</form>`

/** What is asked, or what is wrong with how it is asked. */
export function readForm({ method, url, token: text }: Filled): Asked | Error {
  if (!/^[A-Za-z-]{1,32}$/.test(method)) return new Error('expected a method such as GET')
  const address = parseAddress(url.trim())
  if (address instanceof Error) return address
  const given = text.trim()
  if (given === '') return { method, address }
  if (!given.startsWith('{')) return { method, address, token: bearerOf(given) }
  const claims = parseClaims(given)
  return claims ? { method, address, claims } : new Error('these claims are no JSON object')
}

/** People paste the whole header, or a token that a terminal has wrapped. */
const bearerOf = (text: string): string =>
  text.replace(/^(?:authorization:)?\s*(?:bearer\s+)?/i, '').replace(/\s+/g, '')

/** Where there is nothing to say yet. */
export const NO_ANSWER = html`<div id="answer" tabindex="-1"></div>`

export const faultAnswer = (fault: string): Html =>
  html`<div id="answer" class="answer bad" tabindex="-1"><h3>${badge('bad', 'This could not be explained')}</h3><p>${fault}</p></div>`

/** The answer to a form. */
export function answer(asked: Asked, explanation: Explanation, now: number): Html {
  const { refused, shadowed, route, token, said, sends } = explanation
  const lacks = refused ?? shadowed
  const mood = refused ? 'bad' : shadowed ? 'warn' : 'good'
  return html`<div id="answer" class="answer ${mood}" tabindex="-1">
<h3>${badge(mood, verdict(explanation))}</h3>
<p class="quiet"><code>${asked.method} ${asked.address.target}</code>, ${withWhat(asked)}</p>
${
  lacks
    ? html`<p><strong>${lacks.title}.</strong> ${lacks.detail}</p><p class="advice">${withCode(ADVICE[lacks.code])}</p>`
    : ''
}
<dl>
${route ? row('Route', html`<code>${route.key}</code>, line ${route.line} of the policy, data source <code>${route.dataSource}</code>`) : ''}
${!refused && !route ? row('Route', 'none: the gateway answers this itself') : ''}
${route ? row('Needed', needs(route)) : ''}
${route && route.access !== 'public' ? row('Audience', route.audiences.join(' or ')) : ''}
${token ? row('The token has', held(token.scopes, token.kind)) : ''}
${token ? row('Client', html`<code>${token.clientId}</code>`) : ''}
</dl>
${said ? tokenSaid(said, now, token !== undefined) : ''}
${sends ? sent(sends) : ''}
</div>`
}

function verdict({ refused, shadowed }: Explanation): string {
  if (refused) return `Refused: ${refused.status} ${refused.code}`
  return shadowed ? `Allowed, for enforce: false alone (${shadowed.code})` : 'Allowed'
}

const withWhat = ({ token, claims }: Asked): string =>
  token !== undefined
    ? 'with a token'
    : claims
      ? 'with claims that nobody signed'
      : 'without a token'

const row = (name: string, value: Html | string): Html =>
  html`<div><dt>${name}</dt><dd>${value}</dd></div>`

function tokenSaid(said: TokenSaid, now: number, isGood: boolean): Html {
  const { algorithm, keyId, issuer, audiences, issuedAt, expiresAt, scopes, clientId } = said
  const unknown = 'it does not say'
  const title = isGood ? 'What the token says' : 'What the token says of itself: not proved'
  return html`<h4>${title}</h4><dl>
${row('Issuer', issuer ?? unknown)}
${row('Audience', audiences.length === 0 ? unknown : audiences.join(', '))}
${row('Client', clientId ?? unknown)}
${row('Scopes', scopes.length === 0 ? 'none' : scopesOf(scopes))}
${row('Issued', timeSaid(issuedAt, now))}
${row((expiresAt ?? now) < now / 1000 ? 'Expired' : 'Expires', timeSaid(expiresAt, now))}
${row('Signed', `${algorithm ?? 'no algorithm'}, key ${keyId ?? 'without id'}`)}
</dl>`
}

/** The range that `Date` can tell. */
const MAX_SECONDS = 8.64e12

function timeSaid(seconds: number | undefined, now: number): Html | string {
  if (seconds === undefined || Math.abs(seconds) > MAX_SECONDS) return 'it does not say'
  const away = seconds - now / 1000
  const relative = away < 0 ? `${span(-away)} ago` : `in ${span(away)}`
  return html`${relative} (${dayAndTime(seconds * 1000)} UTC)`
}

const sent = ({ method, url, headers }: NonNullable<Explanation['sends']>): Html =>
  html`<h4>What the API would see</h4>
<div class="scroll" tabindex="0" role="region" aria-label="What the API would see"><pre>${method} ${url}
${headers.map(([name, value]) => html`${name}: ${value}\n`)}</pre></div>`
