import { type Refusal, refuse } from './refusal.ts'

export type Form = ReadonlyMap<string, string>

/**
 * Reads a form as RFC 6749 section 3.2 asks: a parameter without a value counts as left out, and
 * none may come twice.
 */
export const readForm = (contentType: string | undefined, body: string): Form | Refusal => {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/x-www-form-urlencoded')
    return refuse('invalid_request', 'the body must be application/x-www-form-urlencoded')
  const form = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(body)) {
    if (form.has(name)) return refuse('invalid_request', `the parameter ${name} is given twice`)
    if (value !== '') form.set(name, value)
  }
  return form
}

/** The words of a space separated list, each once. */
export const words = (list: string | undefined): readonly string[] => [
  ...new Set((list ?? '').split(' ').filter(word => word !== '')),
]
