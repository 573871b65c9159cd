import { METHODS } from 'node:http'
import { isBareVariable, isSecret, withoutUserinfo } from './secrets.ts'
import type { Fault, Source } from './source.ts'
import { idOf, type Path, type Span } from './tree.ts'

/** A line of a file as it may be shown: without comments, and with `…` for what may be a secret. */
export interface Excerpt {
  /** From 1. */
  readonly line: number
  readonly text: string
  /** What is meant, in characters of `text`; at least one. */
  readonly from: number
  readonly to: number
}

/** A part of the text, and what is shown of it. */
interface Part extends Span {
  readonly shown: string
}

/** Cuts excerpts out of one file. */
export function excerpter(source: Source, faults: readonly Fault[], words: ReadonlySet<string>) {
  const { text } = source
  const scalars = source.places.size > 0 ? scalarParts(source, faults) : undefined
  return ({ line, span }: { readonly line: number; readonly span: Span }): Excerpt => {
    const from = text.lastIndexOf('\n', span.from - 1) + 1
    const end = text.indexOf('\n', from)
    const written = text.slice(from, end === -1 ? undefined : end)
    const to = from + written.replace(/\r$/, '').length
    const parts = scalars
      ? partsOf(text, { from, to }, scalars)
      : bareParts(text, { from, to }, words)
    return shownAs(parts, span, line)
  }
}

/**
 * Every key and value that may be shown or not. Nothing else of a line is shown but punctuation, so
 * that a comment, a tag or what YAML passes over cannot give a secret away.
 */
function scalarParts(source: Source, faults: readonly Fault[]): readonly Part[] {
  const hides = new Set(faults.filter(fault => fault.hides).map(({ path }) => idOf(path)))
  const unknown = new Map(faults.map(fault => [idOf(fault.path), fault.unknown]))
  const parts = new Map<number, Part>()
  const add = ({ from, to }: Span, isShown: boolean) => {
    const raw = source.text.slice(from, to)
    const known = parts.get(from)
    const shown = isShown && known?.shown !== HIDDEN ? plain(withoutUserinfo(raw)) : HIDDEN
    if (raw !== '') parts.set(from, { from, to, shown })
  }
  for (const { path, key, value, scalar, written } of source.places.values()) {
    const strange = path.some((_, i) => hides.has(idOf(path.slice(0, i + 1))))
    const name = path.at(-1)
    const isPlain = strange ? unknown.get(idOf(path)) === name : isKnownKey(path)
    if (typeof name === 'string') add(key, isPlain)
    const secret = isSecret(path) && !(written !== undefined && isBareVariable(written))
    if (scalar) add(value, !secret && !strange)
  }
  return [...parts.values()].sort((a, b) => a.from - b.from)
}

/** A name of the file's own, such as that of a header, or where secrets are a word of the schema. */
const isKnownKey = (path: Path): boolean =>
  !isSecret(path.slice(0, -1)) || /^[A-Za-z]+$/.test(String(path.at(-1)))

const HIDDEN = '…'

/** Without what a terminal would act on; a tab, which YAML does not take for indentation, is seen. */
const plain = (text: string): string =>
  text.replaceAll('\t', '→').replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/g, '·')

function partsOf(text: string, line: Span, scalars: readonly Part[]): Part[] {
  const parts: Part[] = []
  let at = line.from
  for (const scalar of scalars) {
    const [from, to] = [Math.max(scalar.from, at), Math.min(scalar.to, line.to)]
    if (to <= from) continue
    parts.push(...between(text, at, from))
    const whole = scalar.from >= line.from && scalar.to <= line.to
    const margin = /^\s*/.exec(text.slice(from, to))?.[0] ?? ''
    const some = scalar.shown === HIDDEN || scalar.shown.includes('//…@') ? HIDDEN : undefined
    const shown = whole ? scalar.shown : margin + (some ?? plain(text.slice(from, to).trim()))
    parts.push({ from, to, shown })
    at = to
  }
  return [...parts, ...between(text, at, line.to)]
}

/** Punctuation as it is, a comment not at all, and no word. */
function between(text: string, from: number, to: number): Part[] {
  const code = text.slice(from, to).replace(/#.*$/s, '')
  return split(code, from, /[^\s{}[\],:?|>-]+/g, () => HIDDEN)
}

/** Of a file that is no YAML nobody knows what is a value: only words of the schema are shown. */
function bareParts(text: string, { from, to }: Span, words: ReadonlySet<string>): Part[] {
  const code = text.slice(from, to).replace(/(^|\s)#.*$/s, '')
  const pattern = /^\s*["']?[A-Z]+(?:,[A-Z]+)*[ \t]+(\/[\w{}/*.-]*)/.exec(code)?.[1]
  const show = (word: string) => {
    const known = words.has(word) || word === '-' || word === pattern || isMethods(word)
    return known || isBareVariable(word) ? word : HIDDEN
  }
  return split(code, from, /\$\{[^}\s]*\}|\/[\w{}/*.-]*|[^\s{}[\],:"'|>?]+/g, show)
}

const isMethods = (word: string): boolean =>
  word.split(',').every(method => method === 'ANY' || METHODS.includes(method))

/** Cuts a text into words and what is between them. */
function split(text: string, from: number, words: RegExp, show: (word: string) => string): Part[] {
  const parts: Part[] = []
  let at = 0
  const add = (end: number, shown: (text: string) => string) => {
    if (end > at) parts.push({ from: from + at, to: from + end, shown: shown(text.slice(at, end)) })
    at = end
  }
  for (const { index, 0: word } of text.matchAll(words)) {
    add(index, plain)
    add(index + word.length, show)
  }
  add(text.length, plain)
  return parts
}

/** Joins the parts of a line, and finds what is meant in what is shown. */
function shownAs(parts: readonly Part[], span: Span, line: number): Excerpt {
  let text = ''
  let [from, to] = [-1, -1]
  for (const part of parts) {
    const asIs = part.shown.length === part.to - part.from
    const within = (offset: number, end: number) =>
      text.length + (asIs ? Math.min(offset - part.from, part.shown.length) : end)
    if (from === -1 && span.from < part.to) from = within(Math.max(span.from, part.from), 0)
    if (span.to > part.from) to = within(Math.min(span.to, part.to), part.shown.length)
    text += part.shown
  }
  if (from === -1) from = text.length
  const shown = text.trimEnd()
  return { line, text: shown, from, to: Math.max(from + 1, Math.min(to, shown.length)) }
}
