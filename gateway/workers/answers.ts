import { explainFor } from '../edge/admin.ts'
import { readCounts } from '../edge/counts.ts'
import { measure } from '../edge/measure.ts'
import { type AdminState, statusOf } from '../edge/status.ts'
import type { Asked } from '../explain/asked.ts'
import type { Question } from './messages.ts'

/** What a worker answers; it has nothing to say before its first policy. */
export async function answer(state: AdminState | undefined, about: Question): Promise<unknown> {
  if (!state) return undefined
  if (about === 'readiness') return state.notReady() ?? 'ready'
  if (about === 'status') return statusOf(state)
  if (about === 'counts') return readCounts(state.metrics)
  measure(state)
  return state.metrics.registry.getMetricsAsJSON()
}

export const explained = async (state: AdminState | undefined, asked: Asked): Promise<unknown> =>
  state && explainFor(state, asked)
