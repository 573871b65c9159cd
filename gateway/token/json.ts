import type { Claims } from '../model.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A JSON object in which no member stands twice, at any depth (RFC 7519 §4 lets parsers choose; two
 * that choose differently see two tokens). `undefined` for anything else.
 */
export function parseUniqueObject(bytes: Uint8Array): Claims | undefined {
  try {
    const text = utf8.decode(bytes)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return countMembers(value) === countColons(text) ? (value as Claims) : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

/** Outside strings, each colon of a JSON text belongs to one member. */
function countColons(text: string): number {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1
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
