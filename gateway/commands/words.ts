import { parseClaims } from '../explain/asked.ts'

/** What a request is described with on a command line: the parsed words, or an error that says what was expected. */

/** The claims of a token as a JSON object. */
export function readClaims(text: string | undefined): object | undefined | Error {
  if (text === undefined) return undefined
  const expected = '--claims: expected a JSON object such as {"sub":"…","client_id":"…"}'
  return parseClaims(text) ?? new Error(expected)
}

/** `Name: value` -> its two parts. */
export function readHeader(text: string): string[] | Error {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? []
  return name === undefined
    ? new Error(`--header: expected Name: value, got ${text}`)
    : [name, value ?? '']
}
