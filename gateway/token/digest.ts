import { hash } from 'node:crypto'

/**
 * What a token is found by: no two have the same SHA-256 that anyone could find.
 *
 * @returns latin1, 32 characters
 */
export function digestOf(text: string): string {
  // A token that is new is looked for, verified and remembered, one right after the other.
  if (last.text !== text) last = { text, digest: hash('sha256', text, 'latin1') }
  return last.digest
}

let last = { text: '', digest: hash('sha256', '', 'latin1') }

/** The digests of some texts, to be had for less than it takes to compute them. */
export interface Digests {
  readonly find: (text: string) => string | undefined
  readonly keep: (text: string, digest: string) => void
}

/** A power of two. */
const SLOTS = 8192

/**
 * Every text has one slot, and drives out what was there; it is found by comparing all of it. Not a `Map`: V8
 * makes a shared copy of every string that is looked for in one, which for a token that is used once is a KiB
 * of garbage among what lives long.
 */
export function createDigests(): Digests {
  const texts: (string | undefined)[] = Array(SLOTS).fill(undefined)
  const digests: string[] = Array(SLOTS).fill('')
  return {
    find: text => {
      const slot = slotOf(text)
      return texts[slot] === text ? digests[slot] : undefined
    },
    keep: (text, digest) => {
      const slot = slotOf(text)
      texts[slot] = text
      digests[slot] = digest
    },
  }
}

/** By characters near the end, which in signatures are any; the very last one has fewer bits. */
function slotOf(text: string): number {
  const { length } = text
  const third = text.charCodeAt(length - 4) * 961
  const second = text.charCodeAt(length - 3) * 31
  return (third + second + text.charCodeAt(length - 2)) & (SLOTS - 1)
}
