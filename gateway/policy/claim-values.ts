import type { Encoding } from '../model.ts'

/** A claim whose value cannot be written as a header; the words complete "the claim …". */
export interface Unrepresentable {
  readonly unrepresentable: string
}

export const isUnrepresentable = (value: unknown): value is Unrepresentable =>
  typeof value === 'object' && value !== null && 'unrepresentable' in value

const says = (unrepresentable: string): Unrepresentable => ({ unrepresentable })

/** Visible ASCII, with spaces inside. */
const ASCII = /^[!-~](?:[ -~]*[!-~])?$/

/**
 * The value of a header for a claim (contract 4, `inject`): strings, numbers and booleans, or lists
 * of them joined by `,`. Never cut, never altered: what cannot be written is refused.
 *
 * @returns latin1 text as Node writes it; `undefined` where the header is to be absent
 */
export function headerValue(
  claim: unknown,
  encoding: Encoding,
): string | Unrepresentable | undefined {
  if (claim === undefined || claim === null) return undefined
  if (!Array.isArray(claim)) return scalar(claim, encoding, false) || undefined
  const entries: string[] = []
  for (const entry of claim) {
    const text = scalar(entry, encoding, true)
    if (typeof text !== 'string') return text
    entries.push(text)
  }
  return entries.join(',') || undefined
}

/** One entry of a list that is joined by commas, such as a scope. */
export const listEntry = (entry: unknown): string | Unrepresentable => scalar(entry, 'ascii', true)

function scalar(value: unknown, encoding: Encoding, inList: boolean): string | Unrepresentable {
  const text = textOf(value)
  if (typeof text !== 'string' || text === '') return text
  return ENCODERS[encoding](text, inList)
}

function textOf(value: unknown): string | Unrepresentable {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number') return says('is or holds an object, a list or null')
  // Beyond 2^53 JSON.parse has already rounded: another number than the issuer signed.
  const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
  return exact ? String(value) : says('is a number that cannot be held exactly')
}

const ENCODERS: Record<Encoding, (text: string, inList: boolean) => string | Unrepresentable> = {
  ascii: (text, inList) => {
    if (!ASCII.test(text))
      return says('holds a character that is not visible ASCII, or ends in space')
    return inList && text.includes(',') ? says('is a list with a comma in an entry') : text
  },
  utf8: (text, inList) => {
    if (!text.isWellFormed()) return says('is not well-formed Unicode')
    if (/\p{Cc}/u.test(text)) return says('holds a control character')
    if (/^\s|\s$/u.test(text)) return says('begins or ends with white space')
    if (inList && text.includes(',')) return says('is a list with a comma in an entry')
    return Buffer.from(text, 'utf8').toString('latin1')
  },
  percent: text => {
    if (!text.isWellFormed()) return says('is not well-formed Unicode')
    // encodeURIComponent leaves !'()* as they are.
    return encodeURIComponent(text).replace(
      /[!'()*]/g,
      char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
    )
  },
  base64url: text => {
    if (!text.isWellFormed()) return says('is not well-formed Unicode')
    return Buffer.from(text, 'utf8').toString('base64url')
  },
}
