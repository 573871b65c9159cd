import type { PathRules } from '../../model.ts'

/** The literal segments that each policy compares with at some place. */
export interface Alphabet {
  readonly old: ReadonlySet<string>
  readonly new: ReadonlySet<string>
}

interface BothRules {
  readonly old: PathRules
  readonly new: PathRules
}

/** One segment of every kind that either policy tells from the others. */
export function segmentsFor(
  alphabet: Alphabet,
  rules: BothRules,
  before: readonly string[],
): string[] {
  if (before.at(-1) === '' && !mayGoOn(rules, before)) return []
  const literals = literalsFor(alphabet, rules)
  const other = freshAmong(literals)
  const special = (rule: 'encodedSlash' | 'semicolon', mark: string) =>
    rules.old[rule] === rules.new[rule] ? [] : [`${other}${mark}${other}`]
  const all = [
    ...literals,
    other,
    ...special('encodedSlash', '%2F'),
    ...special('semicolon', ';'),
    '',
  ]
  return [...new Set(all)]
}

/** Behind an empty segment comes another one where `//` is allowed, but not at the start of the path. */
const mayGoOn = (rules: BothRules, before: readonly string[]): boolean =>
  before.length > 1 && (rules.old.emptySegments || rules.new.emptySegments)

function literalsFor(alphabet: Alphabet, rules: BothRules): string[] {
  const sides = [
    { literals: alphabet.old, folds: rules.old.caseInsensitive },
    { literals: alphabet.new, folds: rules.new.caseInsensitive },
  ]
  const exact = new Set(sides.flatMap(({ literals, folds }) => (folds ? [] : [...literals])))
  const folded = sides.flatMap(({ literals, folds }) => (folds ? [...literals] : []))
  // One spelling that the exact side does not know is as good as any other.
  const spelled = folded.flatMap(literal => otherSpelling(literal, exact) ?? [])
  return [...exact, ...spelled]
}

/** A spelling of a lower-case literal that is not taken; escapes keep their one canonical form. */
function otherSpelling(literal: string, taken: ReadonlySet<string>): string | undefined {
  const parts = literal
    .split(/(%[0-9a-f]{2})/)
    .map((part, i) => (i % 2 ? part.toUpperCase() : part))
  const plain = parts.join('')
  if (!taken.has(plain)) return plain
  const letters = [...plain.matchAll(/%..|[a-z]/g)].filter(({ 0: found }) => found.length === 1)
  for (let choice = 1; choice < 2 ** Math.min(letters.length, 20); choice++) {
    const spelled = [...plain]
    letters.forEach(({ index, 0: letter }, i) => {
      if ((choice >> i) & 1) spelled[index] = letter.toUpperCase()
    })
    if (!taken.has(spelled.join(''))) return spelled.join('')
  }
  return undefined
}

/** A segment that is none of the literals, however spelled. */
function freshAmong(literals: readonly string[]): string {
  const taken = new Set(literals.map(literal => literal.toLowerCase()))
  let fresh = 'x'
  for (let i = 1; taken.has(fresh); i++) fresh = `x${i}`
  return fresh
}
