import { isUtf8 } from 'node:buffer'
import type { Claims } from '../model.ts'

/**
 * A JSON object in which no member stands twice, at any depth (RFC 7519 §4 lets parsers choose; two
 * that choose differently see two tokens). `undefined` for anything else.
 */
export function parseUniqueObject(bytes: Buffer): Claims | undefined {
  if (!isUtf8(bytes)) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return countMembers(value) === countColons(bytes) ? (value as Claims) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const [QUOTE, BACKSLASH, COLON] = Buffer.from('"\\:')

/** Outside strings, each colon of a JSON text belongs to one member. */
function countColons(json: Uint8Array): number {
  let colons = 0
  let isInString = false
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]
    if (byte === QUOTE) isInString = !isInString
    else if (isInString && byte === BACKSLASH) i++
    else if (!isInString && byte === COLON) colons++
  }
  return colons
}

/** Members of all objects in a tree; JSON.parse kept one of each name. Not recursive: depth is the caller's choice. */
function countMembers(root: object): number {
  let members = 0
  const pending: object[] = [root]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const values: unknown[] = Array.isArray(node) ? node : Object.values(node)
    if (!Array.isArray(node)) members += values.length
    for (const value of values) {
      if (typeof value === 'object' && value !== null) pending.push(value)
    }
  }
  return members
}
