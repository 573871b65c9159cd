import type { Hand } from '../hand.ts'
import { type Weighted, weighted } from '../random.ts'
import type { Shot } from '../shot.ts'
import { absent, bad, badUpgrade, misplaced, oddScheme, related } from './bearers.ts'
import { brokenChunks, disguised, noHttp, unreadable } from './framing.ts'
import {
  forged,
  forgedByNobody,
  forgedPreflight,
  forgedTrailers,
  forgedUpgrade,
  nominated,
} from './headers.ts'
import {
  dribbled,
  gone,
  goneUpgrade,
  halfBody,
  halfHead,
  stalledBody,
  stalledHead,
} from './leavers.ts'
import { declared, largeFields, longTarget, manyFields, mostFields, streamed } from './limits.ts'
import { ambiguous, badHost, encoded, forbidden, impossible, lookalike } from './paths.ts'
import { halfAnswered, otherUpgrade, unanswered, upgradeWithBody } from './upstreams.ts'

const ATTACKS: Weighted<(hand: Hand) => Shot> = [
  [10, forged],
  [6, forgedByNobody],
  [3, forgedPreflight],
  [3, forgedUpgrade],
  [6, forgedTrailers],
  [6, nominated],
  [6, unreadable],
  [2, noHttp],
  [3, brokenChunks],
  [6, disguised],
  [6, ambiguous],
  [2, impossible],
  [3, lookalike],
  [2, encoded],
  [2, forbidden],
  [3, badHost],
  [14, bad],
  [4, related],
  [2, badUpgrade],
  [2, oddScheme],
  [3, misplaced],
  [2, absent],
  [3, halfHead],
  [4, halfBody],
  [5, gone],
  [2, goneUpgrade],
  [2, dribbled],
  // Each keeps a worker waiting for seconds.
  [0.3, stalledHead],
  [0.3, stalledBody],
  [2, manyFields],
  [2, mostFields],
  [2, largeFields],
  [2, longTarget],
  [2, declared],
  [2, streamed],
  [3, unanswered],
  [3, halfAnswered],
  [2, otherUpgrade],
  [1, upgradeWithBody],
]

/** One of the attack classes, the costly ones more seldom. */
export const attack = (hand: Hand): Shot => weighted(hand.random, ATTACKS)(hand)
