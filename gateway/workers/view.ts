import { KEYS_ON_THEIR_WAY } from '../callers.ts'
import type { AdminView } from '../edge/admin.ts'
import type { Refusals } from '../edge/refusals.ts'
import { type GatewayStatus, isoTime, type Status } from '../edge/status.ts'
import type { Totals } from '../edge/totals.ts'
import type { Asked } from '../explain/asked.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { Policy } from '../policy/policy.ts'
import type { Counted } from './counted.ts'
import type { Member } from './member.ts'

export interface TeamState {
  readonly version: string
  /** The policy, and since when it is in force (milliseconds since the epoch). */
  readonly inForce: () => { readonly policy: Policy; readonly loadedAt: number }
  readonly members: () => readonly Member[]
  readonly totals: Totals
  readonly counted: Counted
  readonly refusals: Refusals
  readonly reloadFailure: AdminView['reloadFailure']
  /** Why the gateway as a whole should get no requests, whatever its workers say. */
  readonly notReady: () => string | undefined
}

/**
 * What there is to tell of a gateway with workers. Each is asked when somebody wants to know: an answer
 * shows that the worker still runs, which the last thing that it said of itself would not.
 */
export const viewOfTeam = (state: TeamState): AdminView => ({
  notReady: async () => state.notReady() ?? nobodyReady(state.members()),
  metrics: async () => {
    await Promise.all(state.members().map(member => noteSamples(member, state.totals)))
    return state.totals.text()
  },
  status: () => statusOfTeam(state),
  counts: async () => {
    await Promise.all(state.members().map(member => noteCounts(member, state.counted)))
    return state.counted.sum()
  },
  policy: () => state.inForce().policy,
  explain: asked => askAnyone(state.members(), asked),
  refusals: state.refusals,
  reloadFailure: state.reloadFailure,
})

/** One that is ready is enough: it gets the requests. */
async function nobodyReady(members: readonly Member[]): Promise<string | undefined> {
  const asked = members.map(async member => {
    const reason = await readinessOf(member)
    if (reason !== undefined) throw new Error(reason)
  })
  const first = Promise.any(asked).then(() => undefined)
  return first.catch(({ errors }: AggregateError) => {
    const reasons = errors.map(({ message }) => String(message))
    const telling = reasons.find(reason => reason !== KEYS_ON_THEIR_WAY)
    return telling ?? reasons[0] ?? STARTING
  })
}

const STARTING = 'the workers are being started'

async function readinessOf(member: Member): Promise<string | undefined> {
  if (!member.isListening()) return STARTING
  const answer = await member.ask('readiness')
  if (answer === undefined) return 'a worker does not answer'
  return answer === 'ready' ? undefined : String(answer)
}

async function noteSamples(member: Member, totals: Totals): Promise<void> {
  totals.note(member, await member.ask('metrics'))
}

async function noteCounts(member: Member, counted: Counted): Promise<void> {
  counted.note(member, await member.ask('counts'))
}

/** Whichever serves: all have the same policy and, but for moments, the same keys. */
async function askAnyone(
  members: readonly Member[],
  asked: Asked,
): Promise<Explanation | undefined> {
  for (const member of members.filter(one => one.isListening())) {
    const answer = await member.explain(asked)
    if (answer !== undefined) return answer as Explanation
  }
  return undefined
}

/** As of one process; what differs between workers is of the first one that answers, or added up. */
async function statusOfTeam({ version, inForce, members }: TeamState): Promise<GatewayStatus> {
  const { policy, loadedAt } = inForce()
  const told = await Promise.all(members().map(tellOf))
  const statuses = told.flatMap(({ status }) => (status ? [status] : []))
  const first =
    statuses.find(({ keys }) => keys.source !== null) ??
    statuses.find(({ keys }) => keys.lastError !== null) ??
    statuses[0]
  return {
    version,
    policy: { hash: policy.hash, loadedAt: isoTime(loadedAt) },
    keys: first?.keys ?? null,
    redis: first?.redis ?? null,
    upstreams: first?.upstreams.map(one => upstreamOf(one, statuses)) ?? [],
    workers: told.map(({ pid, startedAt, notReady }) => ({ pid, startedAt, notReady })),
  }
}

async function tellOf(member: Member) {
  const [reason, status] = await Promise.all([readinessOf(member), member.ask('status')])
  const { pid, startedAt } = member
  const notReady = reason ?? null
  return { pid, startedAt: isoTime(startedAt), notReady, status: status as Status | undefined }
}

type UpstreamSaid = Status['upstreams'][number]

/** An upstream as all workers see it: what they send to it is added up. */
function upstreamOf(first: UpstreamSaid, statuses: readonly Status[]): UpstreamSaid {
  const all = statuses.flatMap(({ upstreams }) =>
    upstreams.filter(({ dataSource }) => dataSource === first.dataSource),
  )
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0)
  return {
    dataSource: first.dataSource,
    active: sum(all.map(({ active }) => active)),
    pending: sum(all.map(({ pending }) => pending)),
    origins: first.origins.map(({ origin }) => {
      const same = all.flatMap(({ origins }) => origins.filter(one => one.origin === origin))
      return {
        origin,
        usable: same.every(({ usable }) => usable),
        inFlight: sum(same.map(({ inFlight }) => inFlight)),
      }
    }),
  }
}
