import { html } from 'hono/html'
import { figures, rateChart, timeChart } from './charts.ts'
import type { Look } from './feed.ts'
import { EMPTY, explainForm, type Filled, NO_ANSWER } from './form.ts'
import { refusalList } from './refused.ts'
import { reasonTable, routeTable } from './routes.ts'
import { state } from './state.ts'
import { summary } from './summary.ts'
import { clock, type Html, timeOf } from './words.ts'

/** The parts that are told anew as they change. */
export const liveParts = (look: Look): readonly Html[] => [
  summary(look),
  state(look),
  rateChart(look),
  timeChart(look),
  figures(look),
  routeTable(look),
  reasonTable(look),
  refusalList(look),
]

export interface Said {
  readonly filled?: Filled
  readonly answer?: Html
}

/** The page for operators; whole without JavaScript, which only keeps it up to date. */
export function page(
  look: Look,
  formKey: string,
  { filled = EMPTY, answer = NO_ANSWER }: Said = {},
) {
  const title = look.notReady === undefined ? 'feide-gateway' : 'Not ready – feide-gateway'
  return html`<!doctype html>
<html lang="en"><head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="page.css">
<link rel="icon" href="icon.svg" type="image/svg+xml">
<script src="page.js" defer></script>
</head><body>
<header>
<h1>feide-gateway</h1>
<p class="quiet">As of ${timeOf(look.at)} UTC. <span id="liveness">Load the page again for newer figures.</span></p>
<nav aria-label="On this page"><a href="#state-title">State</a> <a href="#traffic">Traffic</a> <a href="#routes-title">Routes</a> <a href="#refused">Refusals</a> <a href="#explain">Explain</a></nav>
</header>
<main>${sections(look, formKey, filled, answer)}</main>
<footer class="quiet">For programs: <a href="healthz">healthz</a>, <a href="readyz">readyz</a>, <a href="status">status</a>, <a href="metrics">metrics</a>. All times are UTC, as in the log.</footer>
</body></html>`
}

const sections = (look: Look, formKey: string, filled: Filled, answer: Html): Html =>
  html`${summary(look)}
<section aria-labelledby="state-title"><h2 id="state-title">State</h2>${state(look)}</section>
<section aria-labelledby="traffic"><h2 id="traffic">Traffic in the last 15 minutes</h2>
<div class="charts">${rateChart(look)}${timeChart(look)}</div>
<details class="more"><summary>The figures as a table</summary>
${scroll('The figures of the charts', figures(look))}</details></section>
<section aria-labelledby="routes-title"><h2 id="routes-title">Routes</h2>
${scroll('Requests by route', routeTable(look))}</section>
<section aria-labelledby="refused"><h2 id="refused">Refusals</h2>
${scroll('Refusals by reason', reasonTable(look))}
<h3>The last ones</h3>
<p class="quiet">At most 100, newest first; open one to see why, and what would have been needed. They name neither users nor paths: the request id finds the line in the log.</p>
${refusalList(look)}</section>
<section aria-labelledby="explain"><h2 id="explain">Explain a request</h2>
<p class="quiet">What would happen with a request, and why. Nothing is sent to the API.</p>
${explainForm(filled, formKey)}${answer}</section>`

/** Wide tables scroll by themselves, also by keyboard. */
const scroll = (label: string, content: Html): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">${content}</div>`

/** What those who watch are told. */
export const asOf = ({ at }: Look): string => clock(at)
