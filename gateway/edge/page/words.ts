import { html } from 'hono/html'

/** What `html` makes; values that are put into it are escaped. */
export type Html = ReturnType<typeof html>

/** `12:03:44`, in UTC as in the log. */
export const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 19)

export const timeOf = (ms: number): Html =>
  html`<time datetime="${new Date(ms).toISOString()}">${clock(ms)}</time>`

/** `2026-01-31 12:03:44`, in UTC. */
export const dayAndTime = (ms: number): Html => {
  const text = new Date(ms).toISOString()
  return html`<time datetime="${text}">${text.slice(0, 10)} ${text.slice(11, 19)}</time>`
}

/** `7 s`, `3 min`, `2 h`, `4 days`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 120) return `${whole} s`
  if (whole < 7_200) return `${Math.round(whole / 60)} min`
  if (whole < 172_800) return `${Math.round(whole / 3_600)} h`
  return `${Math.round(whole / 86_400)} days`
}

/** `340 µs`, `8.1 ms`, `1.3 s`; nothing happened: `–`. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '–'
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 1) return `${trim(seconds * 1000)} ms`
  return `${trim(seconds)} s`
}

/** Three digits at most, and none that say nothing. */
export const trim = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))

/** `12 345`, with thin spaces that do not break. */
export const count = (value: number): string =>
  String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u202f')

export type Mood = 'good' | 'warn' | 'bad' | 'plain'

const SIGNS = { good: '✓', warn: '!', bad: '✕', plain: '·' } as const

/** A state in words; sign and colour only repeat them. */
export const badge = (mood: Mood, text: string): Html =>
  html`<span class="badge ${mood}"><span aria-hidden="true">${SIGNS[mood]}</span> ${text}</span>`

/** `read and append`, with each scope as it is written. */
export const scopesOf = (scopes: readonly string[]): Html =>
  html`${scopes.map((scope, i) => html`${i === 0 ? '' : ' and '}<code>${scope}</code>`)}`

/** `read, or audit and list`. */
export const alternativesOf = (anyOf: readonly (readonly string[])[]): Html =>
  html`${anyOf.map((scopes, i) => html`${i === 0 ? '' : ', or '}${scopesOf(scopes)}`)}`
