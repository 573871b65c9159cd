import { KEPT_REFUSALS, type Refusal } from '../edge/refusals.ts'
import { timer } from '../timer.ts'

/** Milliseconds that refusals wait for more, to be sent together. */
const WAIT = 500

/**
 * Sends refusals on in batches: as many as are kept anyway, and the next batch when the last one is on its
 * way. What more of them comes meanwhile is counted by the metrics alone.
 */
export function batchRefusals(send: (refusals: readonly Refusal[]) => Promise<void>) {
  let waiting: Refusal[] = []
  let isSending = false
  const flush = async () => {
    const batch = waiting
    waiting = []
    await send(batch)
    isSending = false
    if (waiting.length > 0) begin()
  }
  const soon = timer(() => void flush())
  const begin = () => {
    isSending = true
    soon.start(WAIT)
  }
  return (refusal: Refusal): void => {
    waiting.push(refusal)
    if (waiting.length > KEPT_REFUSALS) waiting.shift()
    if (!isSending) begin()
  }
}
