import { html } from 'hono/html'
import type { Look } from './feed.ts'
import { type Point, SPAN } from './history.ts'
import { duration, type Html, timeOf, trim } from './words.ts'

/** Of a drawing; it is stretched to where it is shown, and its lines are not. */
const WIDTH = 600
const HEIGHT = 120

interface Line {
  readonly name: string
  /** The class that says colour and dashes. */
  readonly look: string
  readonly value: (point: Point) => number | undefined
}

const RATES: readonly Line[] = [
  { name: 'allowed', look: 'line-a', value: ({ allowed }) => allowed },
  { name: 'refused', look: 'line-b', value: ({ refused }) => refused },
]

const TIMES: readonly Line[] = [
  { name: 'whole request, p95', look: 'line-a dashed', value: point => point.duration.p95 },
  { name: 'whole request, p50', look: 'line-a', value: point => point.duration.p50 },
  { name: 'API, p95', look: 'line-c dashed', value: point => point.upstream.p95 },
  { name: 'API, p50', look: 'line-c', value: point => point.upstream.p50 },
]

const perSecond = (value: number): string => `${trim(value)}/s`

export const rateChart = (look: Look): Html =>
  chart('chart-rate', 'Requests per second', look, RATES, perSecond, 1)

export const timeChart = (look: Look): Html =>
  chart('chart-time', 'Time to answer', look, TIMES, duration, 0.001)

/** @param least the top of the scale, where nothing is higher */
function chart(
  id: string,
  title: string,
  { at, points }: Look,
  lines: readonly Line[],
  write: (value: number) => string,
  least: number,
): Html {
  const values = points.flatMap(point => lines.flatMap(({ value }) => value(point) ?? []))
  const top = roundUp(Math.max(least, ...values))
  const last = points.at(-1)
  const legend = lines.map(({ name, look, value }) => {
    const now = last && value(last)
    return html`<li><svg class="key" viewBox="0 0 24 8" aria-hidden="true"><path class="${look}" d="M0 4H24"/></svg> ${name} <b>${now === undefined ? '–' : write(now)}</b></li>`
  })
  const said = lines.map(line => sayLine(line, points, write)).join('; ')
  return html`<figure id="${id}" class="chart" data-live="swap">
<figcaption>${title}</figcaption>
<ul class="legend">${legend}</ul>
<div class="plot"><span class="top" aria-hidden="true">${write(top)}</span>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title} in the last 15 minutes: ${said}.">
<path class="grid" d="M0 ${HEIGHT / 2}H${WIDTH}M0 0.5H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}"/>
${lines.map(({ look, value }) => html`<path class="${look}" d="${pathOf(points, value, at, top)}"/>`)}
</svg></div>
<div class="scale" aria-hidden="true"><span>15 min ago</span><span>now</span></div>
</figure>`
}

/** A scale that ends with 1, 2 or 5. */
function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  const steps = [1, 2, 5, 10].map(step => step * unit)
  // 0.2 is not always 0.2.
  return steps.find(step => step >= value * 0.999_999) ?? value
}

function sayLine(
  { name, value }: Line,
  points: readonly Point[],
  write: (value: number) => string,
): string {
  const values = points.flatMap(point => value(point) ?? [])
  const last = values.at(-1)
  if (last === undefined) return `${name}: nothing yet`
  return `${name}: ${write(last)} now, ${write(Math.max(...values))} at most`
}

/** A line with gaps where nothing was measured; a value that stands alone is as long as its step. */
function pathOf(points: readonly Point[], value: Line['value'], now: number, top: number): string {
  let isOpen = false
  const steps = points.map((point, i) => {
    const y = value(point)
    if (y === undefined) {
      isOpen = false
      return ''
    }
    const place = `${xOf(point.at, now)} ${yOf(y, top)}`
    const next = points[i + 1]
    const isAlone = !isOpen && (next === undefined || value(next) === undefined)
    const step = isOpen ? `L${place}` : `M${place}${isAlone ? 'h-10' : ''}`
    isOpen = true
    return step
  })
  return steps.join('')
}

const xOf = (at: number, now: number): number =>
  Math.round((WIDTH - 2) * (1 - (now - at) / SPAN) * 10) / 10

const yOf = (value: number, top: number): number =>
  Math.round((HEIGHT - 2 - (HEIGHT - 4) * (value / top)) * 10) / 10

/** The same as a table, newest first: a row a minute. */
export function figures({ points }: Look): Html {
  const rows = points.filter((_, i) => (points.length - 1 - i) % 4 === 0).toReversed()
  return html`<table id="figures" data-live="swap">
<caption>What the charts show, once a minute (times are UTC)</caption>
<thead><tr><th scope="col">Time</th><th scope="col" class="num">Allowed</th><th scope="col" class="num">Refused</th>
${TIMES.map(({ name }) => html`<th scope="col" class="num">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    point => html`<tr><th scope="row">${timeOf(point.at)}</th>
${RATES.map(({ value }) => html`<td class="num">${perSecond(value(point) ?? 0)}</td>`)}
${TIMES.map(({ value }) => html`<td class="num">${duration(value(point))}</td>`)}</tr>`,
  )}</tbody></table>`
}
