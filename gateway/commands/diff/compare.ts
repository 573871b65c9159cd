import { type Direction, together } from './access.ts'
import { type Change, changesOf } from './changes.ts'
import { type Cells, cellsOf } from './pairs.ts'
import { type Setting, type Sound, settingsOf } from './settings.ts'

/** All that differs between two policies. */
export interface Diff {
  readonly old: Sound
  readonly new: Sound
  readonly changes: readonly Change[]
  readonly settings: readonly Setting[]
  /** What changed about the tokens that are good, on all routes. */
  readonly tokens: Direction
  readonly cells: Cells
}

/** Holds two policies against each other; `undefined`: there are too many kinds of paths. */
export function compare(old: Sound, next: Sound): Diff | undefined {
  const cells = cellsOf(old.policy, next.policy)
  if (!cells) return undefined
  const settings = settingsOf(old, next, cells)
  const tokens = together(settings.map(({ direction }) => direction))
  return { old, new: next, changes: changesOf(cells), settings, tokens, cells }
}

/** Whether anybody is let in or refused who was not. */
export const differs = ({ changes, tokens }: Diff): boolean =>
  tokens !== 'same' || changes.some(({ kind }) => kind !== 'marks')
