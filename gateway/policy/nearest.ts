/**
 * How many letters have to be put in, left out, changed or swapped with their neighbour to make one word
 * of the other (optimal string alignment): what a slip of the finger costs is 1.
 */
export function editDistance(from: string, to: string): number {
  let before: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      const cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      row[j] = swapped ? Math.min(cost, at(before, j - 2) + 1) : cost
    }
    before = last
    last = row
  }
  return at(last, to.length)
}

const at = (row: readonly number[], i: number): number => row[i] ?? Number.POSITIVE_INFINITY

/** The word of a list that was most likely meant: a third of the letters may differ, and their case. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let fewest = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    if (candidate === word || Math.abs(candidate.length - word.length) >= fewest) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < fewest && distance < candidate.length) [best, fewest] = [candidate, distance]
  }
  return best
}

export const didYouMean = (word: string): string => `did you mean \`${word}\`?`
