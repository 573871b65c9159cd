import { html } from 'hono/html'
import type { Look } from './feed.ts'
import { badge, count, dayAndTime, type Html, span, timeOf } from './words.ts'

/** The parts that the gateway hangs on. */
export function state(look: Look): Html {
  return html`<div id="state" class="cards" data-live="swap">
${gatewayCard(look)}${upstreamsCard(look)}${keysCard(look)}${policyCard(look)}
</div>`
}

const card = (title: string, ...rows: readonly (Html | '')[]): Html =>
  html`<section class="card"><h3>${title}</h3><dl>${rows}</dl></section>`

const row = (name: string, value: Html | string): Html =>
  html`<div><dt>${name}</dt><dd>${value}</dd></div>`

const SOURCES = {
  issuer: ['good', 'known, from the issuer'],
  redis: ['good', 'known, through Redis'],
  stale: ['warn', 'old: the issuer is away'],
} as const

function keysCard({ status: { keys }, at, policy }: Look): Html {
  const title = 'Keys'
  if (!keys) return card(title, row('State', badge('bad', 'nobody could be asked')))
  const [mood, text] = keys.source ? SOURCES[keys.source] : (['bad', 'not known'] as const)
  const next = keys.nextRefresh === null ? undefined : Date.parse(keys.nextRefresh) - at
  return card(
    title,
    row('State', badge(mood, text)),
    row('Issuer', html`<span class="long">${policy().issuer.url}</span>`),
    row('Key ids', list(keys.kids)),
    keys.age === null ? '' : row('Fetched', `${span(keys.age)} ago`),
    next === undefined ? '' : row('Next fetch', `in ${span(next / 1000)}`),
    keys.distrusted.length > 0 ? row('Distrusted', list(keys.distrusted)) : '',
    keys.unusable.length > 0 ? row('Set aside', `${keys.unusable.length} unusable`) : '',
    keys.lastError === null
      ? ''
      : row('Last error', html`<span class="long">${keys.lastError}</span>`),
  )
}

const list = (items: readonly string[]): Html | string =>
  items.length === 0
    ? 'none'
    : html`${items.map((item, i) => html`${i === 0 ? '' : ' '}<code>${item || '(without id)'}</code>`)}`

const upstreamsCard = ({ status: { upstreams } }: Look): Html =>
  card(
    upstreams.length === 1 ? 'API' : 'APIs',
    ...upstreams.map(({ dataSource, active, pending, origins }) =>
      row(
        dataSource,
        html`${origins.map(
          ({ origin, usable }) =>
            html`<div class="origin">${usable ? badge('good', 'in use') : badge('bad', 'down')} <span class="long">${origin}</span></div>`,
        )}<div class="quiet">${count(active)} under way, ${count(pending)} waiting</div>`,
      ),
    ),
  )

function redisState({ status: { redis } }: Look): Html {
  if (redis === null) return badge('plain', 'not used')
  return redis.up ? badge('good', 'answers') : badge('warn', 'does not answer')
}

function policyCard({ status, reloadFailure, policy }: Look): Html {
  const { hash, loadedAt } = status.policy
  const failure = reloadFailure()
  const { routes, dataSources, file } = policy()
  const sources = dataSources.length
  return card(
    'Policy',
    row('State', failure ? badge('bad', 'the file has faults') : badge('good', 'as in the file')),
    row('File', html`<span class="long">${file}</span>`),
    row('Hash', html`<code class="long" title="SHA-256 ${hash}">${hash.slice(0, 16)}…</code>`),
    row('In force since', dayAndTime(Date.parse(loadedAt))),
    row('Holds', `${routes.length} routes of ${sources} data source${sources === 1 ? '' : 's'}`),
    failure
      ? row(
          'Faults',
          html`<div>Tried at ${timeOf(failure.at)}:</div><ul class="faults">${failure.faults
            .slice(0, MAX_FAULTS)
            .map(fault => html`<li>${fault}</li>`)}</ul>`,
        )
      : '',
  )
}

const MAX_FAULTS = 20

function gatewayCard(look: Look): Html {
  const { version, workers } = look.status
  const { notReady } = look
  return card(
    'Gateway',
    row('State', notReady === undefined ? badge('good', 'ready') : badge('bad', 'not ready')),
    row('Version', version),
    row('In flight', `${count(look.counts.inFlight)} requests`),
    row('Redis', redisState(look)),
    ...(workers ?? []).map(({ pid, startedAt, notReady }) =>
      row(
        `Worker ${pid}`,
        html`${notReady === null ? badge('good', 'serves') : badge('bad', notReady)}
<span class="quiet">since ${dayAndTime(Date.parse(startedAt))}</span>`,
      ),
    ),
  )
}
