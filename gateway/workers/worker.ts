import type { Writable } from 'node:stream'
import { type Callers, openCallers } from '../callers.ts'
import { lineWriter } from '../edge/lines.ts'
import { createLog, type Log, marked } from '../edge/log.ts'
import { createMetrics } from '../edge/metrics.ts'
import { loadTracing, type StartTracing } from '../edge/trace.ts'
import { loadPolicy } from '../policy/parse.ts'
import type { Policy } from '../policy/policy.ts'
import type { Address } from '../policy/scalars.ts'
import { readerOf, type Snapshot } from '../policy/snapshot.ts'
import type { Environment } from '../policy/source.ts'
import { LAST_LINES } from '../serve.ts'
import { answer, explained } from './answers.ts'
import type { StartFault, StoreCall, ToWorker } from './messages.ts'
import { createPending } from './pending.ts'
import type { Primary } from './processes.ts'
import { batchRefusals } from './refused.ts'
import { sharedKeys } from './shared-keys.ts'

export interface WorkerOptions {
  readonly primary: Primary
  readonly env: Environment
  readonly version: string
  /** Where log lines go: to the primary process, which writes them out. */
  readonly stdout: Writable
}

/** Milliseconds that the primary may take to answer a call of the key set store. */
const STORE_PATIENCE = 1_000

type PolicyMessage = Extract<ToWorker, { is: 'policy' }>

/** What a worker is once it has its first policy. */
interface Service {
  readonly callers: Callers
  readonly log: Log
  readonly listening: Promise<void>
}

/**
 * Serves callers by the policies that the primary process sends, and does nothing of its own accord: it
 * reads no file and obeys no signal. Resolves with the exit status when it was told to end, or cannot serve.
 */
export function runWorker(options: WorkerOptions): Promise<0 | 1> {
  const { primary, env } = options
  const { promise: status, resolve: end } = Promise.withResolvers<0 | 1>()
  const pending = createPending()
  let service: Service | undefined
  let startTracing: StartTracing | undefined

  const fail = async (error: unknown) => {
    await primary.send({ is: 'failed', fault: faultOf(error) })
    end(1)
  }
  const begin = (policy: Policy, address: Address): Service => {
    const call = (space: string, wanted: StoreCall) => {
      const send = (id: number) => void primary.send({ is: 'store', id, space, call: wanted })
      return pending.askIfHeard(send, STORE_PATIENCE)
    }
    const openShared = (one: Policy) => sharedKeys(one, call)
    const { callers, log } = openService(policy, options, openShared, startTracing)
    const listening = callers
      .listen(address)
      .then(() => primary.send({ is: 'listening' }))
      .catch(fail)
    return { callers, log, listening }
  }
  const take = ({ id, snapshot, listen }: PolicyMessage) => {
    try {
      const policy = load(snapshot, env)
      if (service) service.callers.putInForce(policy)
      else service = begin(policy, listen)
      void primary.send({ is: 'answer', id, value: true })
    } catch (error) {
      void fail(error)
    }
  }
  const drain = async () => {
    await service?.listening
    await service?.callers.stop()
    await service?.log.flush(LAST_LINES)
    end(0)
  }

  primary.onMessage((message: ToWorker) => {
    switch (message.is) {
      case 'policy':
        return take(message)
      case 'question':
        return void answer(service?.callers.state, message.about).then(value =>
          primary.send({ is: 'answer', id: message.id, value }),
        )
      case 'explain':
        return void explained(service?.callers.state, message.asked).then(value =>
          primary.send({ is: 'answer', id: message.id, value }),
        )
      case 'refresh':
        return void service?.callers.keys().refresh()
      case 'stored':
        return pending.answer(message.id, message.value)
      case 'drain':
        return void drain()
    }
  })
  loadTracing(env).then(start => {
    startTracing = start
    return primary.send({ is: 'begun' })
  }, fail)
  return status
}

function openService(
  policy: Policy,
  { primary, env, version, stdout }: WorkerOptions,
  openShared: (policy: Policy) => ReturnType<typeof sharedKeys>,
  startTracing: StartTracing | undefined,
) {
  const metrics = createMetrics()
  const lines = lineWriter(stdout, dropped => metrics.logLinesDropped.inc(dropped))
  const log = createLog(lines, policy.log)
  const onRefused = batchRefusals(refusals => primary.send({ is: 'refused', refusals }))
  const ownLog = marked(log, { worker: primary.pid })
  const tracing = startTracing?.({ env, version, log: ownLog, metrics })
  return {
    log,
    callers: openCallers({
      policy,
      version,
      metrics,
      log,
      onRefused,
      ownLog,
      openShared,
      tracing,
    }),
  }
}

/** The policy that the primary has checked already, without a look at the disk. */
function load(snapshot: Snapshot, env: Environment): Policy {
  const parsed = loadPolicy(snapshot.file, env, readerOf(snapshot))
  if (parsed.ok) return parsed.policy
  throw new Error(parsed.faults.join('; '))
}

function faultOf(error: unknown): StartFault {
  const { message, code, address, port } = Object(error) as StartFault
  return {
    message: String(message),
    ...(code !== undefined && { code: String(code) }),
    ...(address !== undefined && { address: String(address) }),
    ...(port !== undefined && { port: Number(port) }),
  }
}
