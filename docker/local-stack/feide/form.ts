import { type Refusal, refuse } from './refusal.ts'

export type Form = ReadonlyMap<string, string>

export interface FormText {
  /** What was given once. */
  readonly form: Form
  /** What was given more often, in words that an answer may repeat. */
  readonly twice: string | undefined
}

/**
 * Reads parameters as RFC 6749 section 3.1 asks: one without a value counts as left out, and none
 * may come twice.
 */
export const readParameters = (text: string): FormText => {
  const form = new Map<string, string>()
  const repeated = new Set<string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (value === '') continue
    if (form.has(name)) repeated.add(name)
    form.set(name, value)
  }
  for (const name of repeated) form.delete(name)
  const [name] = repeated
  if (name === undefined) return { form, twice: undefined }
  return { form, twice: /^\w+$/.test(name) ? `the parameter ${name}` : 'a parameter' }
}

/** Reads the form in a body. */
export const readForm = (contentType: string | undefined, body: string): Form | Refusal => {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/x-www-form-urlencoded')
    return refuse('invalid_request', 'the body must be application/x-www-form-urlencoded')
  const { form, twice } = readParameters(body)
  if (twice !== undefined) return refuse('invalid_request', `${twice} is given twice`)
  return form
}

/** The words of a space separated list, each once. */
export const words = (list: string | undefined): readonly string[] => [
  ...new Set((list ?? '').split(' ').filter(word => word !== '')),
]
