import type { LineWriter } from './lines.ts'

type Fields = Readonly<Record<string, unknown>>

/** Writes JSON lines for a person who looks at a terminal: time of day, level, message, then the rest. */
export const prettyWriter = ({ write }: Pick<LineWriter, 'write'>) => ({
  write: (line: string) => write(prettyLine(line)),
})

function prettyLine(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as Fields
  const begin = `${timeOfDay(String(time))} ${String(level).padEnd(5)}`
  const text = msg === 'request' ? requestText(rest) : `${msg}${restText(rest)}`
  return `${begin} ${text}\n`
}

/** By the clock on the wall of whoever looks. */
function timeOfDay(time: string): string {
  const at = new Date(time)
  const parts = [at.getHours(), at.getMinutes(), at.getSeconds()]
  const clock = parts.map(part => String(part).padStart(2, '0')).join(':')
  return `${clock}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

/** `GET /courses/{id} 200 allow 12.5 ms …` */
function requestText(fields: Fields): string {
  const { method, route, status, decision, code, durationMs, ...rest } = fields
  const what = [method, route ?? '-', status, code ?? decision, `${durationMs} ms`]
  return what.map(part => safe(String(part))).join(' ') + restText(rest)
}

const restText = (fields: Fields): string =>
  Object.entries(fields)
    .map(([name, value]) => fieldText(name, value))
    .join('')

/** Lists of sentences (faults, warnings) get a line for each. */
function fieldText(name: string, value: unknown): string {
  const isText = typeof value === 'string'
  if (!Array.isArray(value)) return ` ${name}=${isText ? quoted(value) : JSON.stringify(value)}`
  if (value.length === 0) return ''
  const texts = value.map(one => (typeof one === 'string' ? one : JSON.stringify(one)))
  if (!texts.some(one => one.includes(' '))) return ` ${name}=${quoted(texts.join(','))}`
  return texts.map(one => `\n    ${safe(one.replaceAll('\n', '\n    '))}`).join('')
}

const quoted = (text: string): string => (/[^!#-~]/.test(text) ? `"${safe(text)}"` : text)

/** No control characters: a terminal obeys them, and what an upstream said may hold some. */
const safe = (text: string): string =>
  text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, found => {
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
