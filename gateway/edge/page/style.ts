/** The looks of the page: the system's fonts, light and dark, narrow and wide. */
export const STYLE = `:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --paper: #fff; --ink: #1b2430; --soft: #56616f; --line: #d9dee5;
  --blue: #1f5aa6; --good: #146c3a; --warn: #8a5200; --bad: #b3261e; --teal: #00707a;
  --good-wash: #e7f4ec; --warn-wash: #fdf1de; --bad-wash: #fcebea; --code: #eef1f5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161c; --paper: #1a2029; --ink: #e6eaf0; --soft: #a3aebb; --line: #323b47;
    --blue: #82b4f2; --good: #6fcf97; --warn: #f0b45c; --bad: #ff9189; --teal: #5fd0d9;
    --good-wash: #16291f; --warn-wash: #30251a; --bad-wash: #351d1e; --code: #262e39;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0 auto; max-width: 76rem; padding: 1.25rem clamp(1rem, 3vw, 2rem) 3rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
h1, h2, h3, h4, p, ul, ol, dl, dd, figure, pre { margin: 0; padding: 0; }
h1 { font-size: 1.35rem; letter-spacing: -0.01em; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 0.75rem; }
h3 { font-size: 1rem; }
h4 { font-size: 0.95rem; margin: 1.1rem 0 0.35rem; }
section > h3 { margin: 1.5rem 0 0.25rem; }
a { color: var(--blue); }
code, pre { font: 0.9em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
code { background: var(--code); border-radius: 4px; padding: 0.05em 0.3em; overflow-wrap: anywhere; }
.quiet, footer { color: var(--soft); font-size: 0.9rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 0.75rem; }
header { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; align-items: baseline; }
header p { flex: 1 1 16rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; border-radius: 4px; }
#answer:focus { outline: none; }
#answer:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }

.summary { margin-top: 1rem; padding: 0.9rem 1.1rem; border-radius: 10px; border: 1px solid var(--line);
  border-inline-start: 6px solid currentcolor; }
.summary.good { background: var(--good-wash); color: var(--good); }
.summary.warn { background: var(--warn-wash); color: var(--warn); }
.summary.bad { background: var(--bad-wash); color: var(--bad); }
.verdict { font-size: 1.2rem; font-weight: 650; }
.summary ul { color: var(--ink); margin: 0.4rem 0 0; padding-inline-start: 1.2rem; }
.badge { font-weight: 600; }
.badge.good { color: var(--good); }
.badge.warn { color: var(--warn); }
.badge.bad { color: var(--bad); }
.badge.plain { color: var(--soft); }

.cards { display: grid; gap: 0.9rem; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
.card, .chart, .scroll, .refusals, form, .answer {
  background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.card { padding: 0.9rem 1.1rem; min-width: 0; }
.card h3 { margin: 0 0 0.4rem; }
dl > div { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: 0.75rem; padding: 0.2rem 0; }
dt { color: var(--soft); font-size: 0.9rem; overflow-wrap: anywhere; }
dd { min-width: 0; }
.long { overflow-wrap: anywhere; }
.origin + .origin { margin-top: 0.2rem; }
.faults { padding-inline-start: 1.1rem; font-size: 0.9rem; overflow-wrap: anywhere; }

.charts { display: grid; gap: 0.9rem; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
.chart { padding: 0.9rem 1.1rem; min-width: 0; display: flex; flex-direction: column; }
.plot { margin-top: auto; }
figcaption { font-weight: 650; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; margin: 0.3rem 0 0.6rem; font-size: 0.9rem; }
.key { width: 24px; height: 8px; vertical-align: middle; }
.plot { position: relative; }
.plot svg { display: block; width: 100%; height: 9rem; }
.top { position: absolute; inset: 0.15rem auto auto 0.25rem; font-size: 0.8rem; color: var(--soft);
  background: var(--paper); padding: 0 0.2rem; }
.scale { display: flex; justify-content: space-between; font-size: 0.8rem; color: var(--soft); margin-top: 0.25rem; }
path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
.grid { stroke: var(--line); stroke-width: 1; }
.line-a { stroke: var(--blue); }
.line-b { stroke: var(--bad); }
.line-c { stroke: var(--teal); }
.dashed { stroke-dasharray: 5 4; stroke-linecap: butt; }
.more { margin-top: 0.9rem; }
.more .scroll { margin-top: 0.6rem; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.95rem; }
caption { text-align: start; padding: 0.7rem 1.1rem 0.3rem; color: var(--soft); font-size: 0.9rem; }
th, td { text-align: start; padding: 0.4rem 0.75rem; border-top: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { padding-inline-start: 1.1rem; }
th:last-child, td:last-child { padding-inline-end: 1.1rem; }
thead th { color: var(--soft); font-size: 0.85rem; font-weight: 600; border-top: 0; vertical-align: bottom; }
tbody th { font-weight: 400; }
th code, td code { white-space: nowrap; }
.words { min-width: 11rem; }
.num { text-align: end; white-space: nowrap; }
.none { color: var(--soft); }

.refusals { list-style: none; margin-top: 0.6rem; max-height: 36rem; overflow-y: auto; }
.refusals:empty::after { content: "None yet."; display: block; padding: 0.7rem 1.1rem; color: var(--soft); }
.refusals > li + li { border-top: 1px solid var(--line); }
summary { cursor: pointer; }
.refusals summary { padding: 0.45rem 1.1rem; }
.refusals summary > * { margin-inline-end: 0.6rem; }
.refusals .status { font-weight: 650; color: var(--bad); }
.refusals .where { overflow-wrap: anywhere; }
.refusals .client { color: var(--soft); font-size: 0.9rem; overflow-wrap: anywhere; }
.why { padding: 0.2rem 1.1rem 0.9rem 2.2rem; }
.why dl { margin-top: 0.5rem; }
.advice { color: var(--soft); margin-top: 0.25rem; }

form { padding: 1rem 1.1rem; margin-top: 0.6rem; display: grid; gap: 0.8rem; grid-template-columns: 9rem minmax(0, 1fr); }
.field { display: grid; gap: 0.2rem; align-content: start; }
.all { grid-column: 1 / -1; }
label { font-weight: 600; font-size: 0.95rem; }
input, select, textarea, button { font: inherit; color: inherit; }
input, select, textarea { width: 100%; background: var(--ground); border: 1px solid var(--soft); border-radius: 6px; padding: 0.45rem 0.6rem; }
input, textarea { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.92rem; }
textarea { resize: vertical; }
button { background: var(--blue); color: var(--paper); border: 0; border-radius: 6px; padding: 0.55rem 1.4rem; font-weight: 650; cursor: pointer; }
button:disabled { opacity: 0.6; }
.answer { margin-top: 0.9rem; padding: 1rem 1.1rem; border-inline-start: 6px solid var(--line); }
.answer.good { border-inline-start-color: var(--good); }
.answer.warn { border-inline-start-color: var(--warn); }
.answer.bad { border-inline-start-color: var(--bad); }
.answer p { margin-top: 0.35rem; }
.answer dl { margin-top: 0.5rem; }
pre { padding: 0.7rem 0.9rem; }

@media (max-width: 32rem) {
  form { grid-template-columns: minmax(0, 1fr); }
  dl > div { grid-template-columns: minmax(0, 1fr); gap: 0; padding: 0.3rem 0; }
  .why { padding-inline-start: 1.1rem; }
  table { font-size: 0.9rem; }
  th, td { padding-inline: 0.45rem; }
  .words { min-width: 20rem; }
}
@media (prefers-contrast: more) { :root { --soft: var(--ink); --line: var(--ink); } }
`
