import { adminServer } from '../edge/admin.ts'
import { listen } from '../edge/drain.ts'
import { lineWriter } from '../edge/lines.ts'
import { createLog, type Log } from '../edge/log.ts'
import { createPrimaryMetrics } from '../edge/metrics.ts'
import { followPolicy } from '../edge/policy-file.ts'
import { createTotals } from '../edge/totals.ts'
import type { Policy } from '../policy/policy.ts'
import type { Snapshot } from '../policy/snapshot.ts'
import { type Gateway, LAST_LINES, type ServeOptions } from '../serve.ts'
import { createKeySpaces } from './key-spaces.ts'
import type { Member } from './member.ts'
import { workerStarter } from './processes.ts'
import { createTeam } from './team.ts'
import { viewOfTeam } from './view.ts'

export interface PrimaryOptions extends ServeOptions {
  /** The policy once more, for workers to load. */
  readonly snapshot: Snapshot
  /** How many workers. */
  readonly size: number
  /** Resolves when the gateway is asked to stop, which may be while it starts. */
  readonly askedToStop: Promise<void>
  /** Runs something when this process ends by its own doing. */
  readonly onExit: (run: () => void) => void
}

/**
 * Puts a policy into service with several processes on one address. This one serves no callers: it reads
 * the policy, begins workers, replaces those that die, and speaks for all of them. Rejects where an
 * address cannot be listened on.
 */
export async function serveWithWorkers(options: PrimaryOptions): Promise<Gateway> {
  const { policy: first, env, version, stdout, size, askedToStop, onExit } = options
  let inForce = { policy: first, snapshot: options.snapshot, loadedAt: Date.now() }
  let stopping = false
  const metrics = createPrimaryMetrics(() => team.members().filter(isListening).length)
  const onDropped = (dropped: number) => metrics.logLinesDropped.inc(dropped)
  const lines = lineWriter(stdout, onDropped)
  const log = createLog(lines, first.log.level)
  const totals = createTotals(metrics.registry)
  const start = workerStarter()
  const keySpaces = createKeySpaces()
  const snapshot = () => inForce.snapshot
  const onReplaced = () => metrics.workerRestarts.inc()
  const tools = { start, keySpaces, lines, onDropped, snapshot }
  const team = createTeam({ ...tools, size, log, onReplaced, onClosed: totals.bury })

  const notReady = () => (stopping ? 'the gateway is shutting down' : undefined)
  const { members } = team
  const view = viewOfTeam({ version, inForce: () => inForce, members, totals, notReady })
  const admin = adminServer(view)
  const own = first.admin === 'off' ? undefined : await listen(admin, first.admin)
  const putInForce = (policy: Policy, next: Snapshot) => {
    inForce = { policy, snapshot: next, loadedAt: Date.now() }
    log.setLevel(policy.log.level)
    return giveToAll(members(), next, log)
  }
  const files = followPolicy(first, { env, log, metrics, putInForce })
  const close = () => {
    files.close()
    admin.closeAllConnections()
    admin.close()
  }

  onExit(team.kill)
  try {
    const gateway = await Promise.race([team.begin(), askedToStop])
    if (gateway) log.always({ listener: 'gateway', ...gateway }, 'listening')
    const where = own && { address: own.address, port: own.port }
    if (gateway && where) log.always({ listener: 'admin', ...where }, 'listening')
  } catch (error) {
    team.kill()
    close()
    throw error
  }

  const reload = () => {
    files.reload()
    for (const member of members()) member.refreshKeys(Date.now())
  }
  const stop = async () => {
    stopping = true
    log.info({}, 'draining')
    await team.stop(inForce.policy.limits.drain)
    close()
    log.info({}, 'stopped')
    await log.flush(LAST_LINES)
  }
  return { reload, stop }
}

const isListening = (member: Member) => member.isListening()

/** Resolves when callers are served by the new policy alone. */
async function giveToAll(members: readonly Member[], snapshot: Snapshot, log: Log): Promise<void> {
  const giving = members.map(async member => {
    const inTime = await member.give(snapshot)
    if (!inTime) log.warn({ pid: member.pid }, 'a worker has not put the policy into force yet')
  })
  await Promise.all(giving)
}
