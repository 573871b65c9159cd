import { html } from 'hono/html'
import type { Route } from '../../model.ts'
import { ANSWERS, type DenyReason } from '../../policy/denial.ts'
import { describeRoute } from '../../policy/describe.ts'
import type { RouteCount } from '../counts.ts'
import type { Look } from './feed.ts'
import { count, type Html } from './words.ts'

interface Row {
  readonly dataSource: string
  readonly route: string
  readonly asks: string
  readonly counts: readonly RouteCount[]
}

/** The routes of the policy with what came of their requests, since the gateway started. */
export function routeTable({ policy, counts }: Look): Html {
  const { routes } = policy()
  const found = matchCounts(routes, counts.routes)
  const rows = [
    ...routes.map(route => rowOf(route, found.byRoute.get(route) ?? [])),
    ...found.preflights.map(preflightRow),
    withoutRoute(counts.routes),
  ]
  return html`<table id="routes" data-live="swap">
<caption>Requests by route, since the gateway started</caption>
<thead><tr><th scope="col">Route</th><th scope="col" class="num">Allowed</th><th scope="col" class="num">Refused</th><th scope="col" class="num">API failed</th>
<th scope="col">Asks for</th><th scope="col">Data source</th></tr></thead>
<tbody>${rows.map(
    row => html`<tr><th scope="row"><code>${row.route}</code></th>
${figure(row, ({ allowed }) => allowed)}${figure(row, ({ refused }) => refused)}${figure(row, ({ failed }) => failed)}<td class="words">${row.asks}</td><td>${row.dataSource}</td></tr>`,
  )}</tbody></table>`
}

function figure({ counts }: Row, pick: (count: RouteCount) => number): Html {
  const sum = counts.reduce((total, one) => total + pick(one), 0)
  return html`<td class="num${sum === 0 ? ' none' : ''}">${count(sum)}</td>`
}

const rowOf = (route: Route, counts: readonly RouteCount[]): Row => ({
  dataSource: route.dataSource.id,
  route: route.key,
  asks: describeRoute(route),
  counts,
})

/** Counts know the pattern of a route and the method of a request; some are of a policy that was. */
function matchCounts(routes: readonly Route[], all: readonly RouteCount[]) {
  const places = Map.groupBy(routes, ({ dataSource, pattern }) => `${dataSource.id} ${pattern}`)
  const byRoute = new Map<Route, RouteCount[]>()
  const preflights: RouteCount[] = []
  for (const one of all) {
    const same = places.get(`${one.dataSource} ${one.route}`) ?? []
    const route = routeOf(one.method, same)
    if (route) byRoute.set(route, [...(byRoute.get(route) ?? []), one])
    else if (same.length > 0 && one.method === 'OPTIONS') preflights.push(one)
  }
  return { byRoute, preflights }
}

/** Of the routes with one pattern, the one that a request with this method has matched. */
function routeOf(method: string, same: readonly Route[]): Route | undefined {
  const listing = (name: string) => same.find(({ methods }) => methods.includes(name))
  return (
    listing(method) ??
    (method === 'HEAD' ? listing('GET') : undefined) ??
    (method === 'OPTIONS' ? undefined : listing('ANY'))
  )
}

/** Preflights go to the API without asking for anything, where no route lists OPTIONS. */
const preflightRow = (one: RouteCount): Row => ({
  dataSource: one.dataSource,
  route: `OPTIONS ${one.route}`,
  asks: 'nothing: a preflight of a browser',
  counts: [one],
})

const withoutRoute = (all: readonly RouteCount[]): Row => ({
  dataSource: '–',
  route: 'no route',
  asks: 'what no route lists is refused',
  counts: all.filter(({ route }) => route === ''),
})

/** Why requests were refused, the most frequent reason first. */
export function reasonTable({ counts, recentCodes }: Look): Html {
  const codes = Object.entries(counts.codes).sort(([, a], [, b]) => b - a)
  if (codes.length === 0) {
    return html`<p id="reasons" class="quiet" data-live="swap">Nothing was refused since the gateway started.</p>`
  }
  return html`<table id="reasons" data-live="swap">
<caption>Refusals by reason</caption>
<thead><tr><th scope="col">Reason</th><th scope="col" class="num">Last 15 min</th><th scope="col" class="num">Since start</th><th scope="col">In words</th></tr></thead>
<tbody>${codes.map(
    ([code, all]) => html`<tr><th scope="row"><code>${code}</code></th>
<td class="num">${count(recentCodes[code] ?? 0)}</td><td class="num">${count(all)}</td><td class="words">${titleOf(code)}</td></tr>`,
  )}</tbody></table>`
}

const titleOf = (code: string): string =>
  Object.hasOwn(ANSWERS, code) ? ANSWERS[code as DenyReason].title : ''
