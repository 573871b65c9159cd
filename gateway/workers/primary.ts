import { adminServer } from '../edge/admin.ts'
import { listen } from '../edge/drain.ts'
import { lineWriter } from '../edge/lines.ts'
import { createLog, type Log } from '../edge/log.ts'
import { createPrimaryMetrics } from '../edge/metrics.ts'
import { type FollowedFile, followPolicy } from '../edge/policy-file.ts'
import { createRefusals } from '../edge/refusals.ts'
import { createTotals } from '../edge/totals.ts'
import type { Policy } from '../policy/policy.ts'
import type { Snapshot } from '../policy/snapshot.ts'
import { type Gateway, LAST_LINES, type ServeOptions } from '../serve.ts'
import { createCounted } from './counted.ts'
import { createKeySpaces } from './key-spaces.ts'
import type { Member } from './member.ts'
import { workerStarter } from './processes.ts'
import { type Reserved, reserve } from './reserve.ts'
import { createTeam, type Team } from './team.ts'
import { viewOfTeam } from './view.ts'

export interface PrimaryOptions extends ServeOptions {
  /** How many workers. */
  readonly size: number
  /** Resolves when the gateway is asked to stop, which may be while it starts. */
  readonly askedToStop: Promise<void>
  /** Runs something when this process ends by its own doing. */
  readonly onExit: (run: () => void) => void
}

/** What changes while the gateway runs. */
interface State {
  inForce: { readonly policy: Policy; readonly snapshot: Snapshot; readonly loadedAt: number }
  /**
   * The last policy with TLS, or without, as it was at the start. A worker begins with this one: what
   * needs a new start of the gateway is not to come into force with the next worker that dies.
   */
  toBeginWith: Snapshot
  stopping: boolean
  reloadFailure: FollowedFile['failure']
}

/**
 * Puts a policy into service with several processes on one address. This one serves no callers: it reads
 * the policy, begins workers, replaces those that die, and speaks for all of them. Rejects where an
 * address cannot be listened on.
 */
export async function serveWithWorkers(options: PrimaryOptions): Promise<Gateway> {
  const { policy: first, snapshot, env, askedToStop, onExit } = options
  const state: State = {
    inForce: { policy: first, snapshot, loadedAt: Date.now() },
    toBeginWith: snapshot,
    stopping: false,
    reloadFailure: () => undefined,
  }
  const reserved = await reserve(first.listen)
  const { team, log, metrics, admin } = openTeam(options, state, reserved)
  const own = first.admin === 'off' ? undefined : await listen(admin, first.admin)
  const putInForce = (policy: Policy, next: Snapshot) => {
    state.inForce = { policy, snapshot: next, loadedAt: Date.now() }
    if ((policy.tls === undefined) === (first.tls === undefined)) state.toBeginWith = next
    log.adopt(policy.log)
    return giveToAll(team, next, log)
  }
  const files = followPolicy(first, snapshot, { env, log, metrics, putInForce })
  state.reloadFailure = files.failure
  const close = () => {
    files.close()
    admin.closeAllConnections()
    admin.close()
  }

  onExit(team.kill)
  try {
    await Promise.race([team.begin(), askedToStop])
  } catch (error) {
    team.kill()
    close()
    throw error
  }
  if (team.isComplete()) {
    const { address, port } = reserved
    log.always({ listener: 'gateway', address, port }, 'listening')
    if (own) log.always({ listener: 'admin', address: own.address, port: own.port }, 'listening')
  }

  const reload = () => {
    files.reload()
    for (const member of team.members()) member.refreshKeys()
  }
  const stop = async () => {
    state.stopping = true
    log.info({}, 'draining')
    await team.stop(state.inForce.policy.limits.drain)
    close()
    log.info({}, 'stopped')
    await log.flush(LAST_LINES)
  }
  return { reload, stop }
}

/** The workers, none of which has begun, with what is told of them. */
function openTeam({ policy, version, stdout, size }: PrimaryOptions, state: State, at: Reserved) {
  const metrics = createPrimaryMetrics(() => team.members().filter(isListening).length)
  const onDropped = (dropped: number) => metrics.logLinesDropped.inc(dropped)
  const lines = lineWriter(stdout, onDropped)
  const log = createLog(lines, policy.log)
  const totals = createTotals(metrics.registry)
  const counted = createCounted()
  const refusals = createRefusals()
  metrics.buildInfo.set({ version }, 1)
  const team = createTeam({
    size,
    log,
    lines,
    listen: { host: policy.listen.host, port: at.port },
    start: workerStarter(at.release),
    keySpaces: createKeySpaces(),
    snapshots: () => [...new Set([state.toBeginWith, state.inForce.snapshot])],
    onDropped,
    onReplaced: () => metrics.workerRestarts.inc(),
    onRefused: list => list.forEach(refusals.note),
    onClosed: member => {
      totals.bury(member)
      counted.bury(member)
    },
  })
  const view = viewOfTeam({
    version,
    inForce: () => state.inForce,
    members: team.members,
    totals,
    counted,
    refusals,
    reloadFailure: () => state.reloadFailure(),
    notReady: () => (state.stopping ? 'the gateway is shutting down' : undefined),
  })
  return { team, log, metrics, admin: adminServer(view, policy.admin) }
}

const isListening = (member: Member) => member.isListening()

/** Resolves when callers are served by the new policy alone. */
async function giveToAll(team: Team, snapshot: Snapshot, log: Log): Promise<void> {
  const giving = team.members().map(async member => {
    const inTime = await member.give(snapshot)
    if (!inTime) log.warn({ pid: member.pid }, 'a worker has not put the policy into force yet')
  })
  await Promise.all(giving)
}
