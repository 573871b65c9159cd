import type { Scenario } from '../scenario.ts'
import { big } from './big.ts'
import { connections } from './connections.ts'
import { flood } from './flood.ts'
import { memory } from './memory.ts'
import { routes } from './routes.ts'
import { start } from './start.ts'
import { cold, large, post, refused, small, tokens } from './usual.ts'
import { websocket } from './websocket.ts'

export const SCENARIOS: readonly Scenario[] = [
  small,
  tokens,
  cold,
  post,
  refused,
  large,
  connections,
  routes,
  big,
  websocket,
  start,
  memory,
  flood,
]

/** What `--quick` has time for. */
export const QUICK: readonly string[] = [small.name, cold.name]
