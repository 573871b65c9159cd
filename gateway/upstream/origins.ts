/** Milliseconds for which an origin that failed is passed over, while others can serve. */
const REST = 5_000

/** Requests in a row that an origin may leave without an answer before it is passed over. */
const MAX_UNANSWERED = 5

/** What is known of one origin: shared by all upstreams that it is one of, and kept over reloads. */
export interface OriginState {
  /** Requests and WebSockets that are with it now. */
  inFlight: number
  /** Requests in a row that it did not answer. */
  unanswered: number
  /** Until when it is passed over, in milliseconds since the epoch; `undefined` while all is well. */
  restingUntil: number | undefined
  /** What the last active check said; `true` where there is none. */
  healthy: boolean
}

export const newOrigin = (): OriginState => ({
  inFlight: 0,
  unanswered: 0,
  restingUntil: undefined,
  healthy: true,
})

/** Why an origin failed: no connection came about, or a request stayed without an answer. */
export type Failure = 'unreachable' | 'unanswered'

/** Whether requests go to an origin by preference. */
export const isUsable = ({ healthy, restingUntil }: OriginState): boolean =>
  healthy && restingUntil === undefined

/** @param now milliseconds since the epoch */
export function noteFailure(state: OriginState, failure: Failure, now: number): void {
  state.unanswered++
  const fails = failure === 'unreachable' || state.unanswered >= MAX_UNANSWERED
  if (fails || state.restingUntil !== undefined) state.restingUntil = now + REST
}

export function noteSuccess(state: OriginState): void {
  state.unanswered = 0
  state.restingUntil = undefined
}

/**
 * The origin that the next request goes to: of those that can be used, the one with the fewest requests
 * in flight, in turn where these are equal. One that has rested gets a single request, which shows
 * whether it is back. Where none can be used, all are tried: an error of the gateway's judgement must
 * not be worse than none.
 *
 * @param candidates origins that the request has not been to
 * @param turn counts up with every request
 */
export function chooseOrigin<T extends { readonly state: OriginState }>(
  candidates: readonly T[],
  turn: number,
  now: number,
): T | undefined {
  if (candidates.length < 2) return candidates[0]
  const start = turn % candidates.length
  const inTurn = [...candidates.slice(start), ...candidates.slice(0, start)]
  const rested = inTurn.find(({ state }) => state.healthy && (state.restingUntil ?? now + 1) <= now)
  if (rested) {
    rested.state.restingUntil = now + REST
    return rested
  }
  const usable = inTurn.filter(({ state }) => isUsable(state))
  const [first, ...others] = usable.length > 0 ? usable : inTurn
  return others.reduce(
    (best, one) => (best && one.state.inFlight < best.state.inFlight ? one : best),
    first,
  )
}
