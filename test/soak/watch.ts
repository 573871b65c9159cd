import { setTimeout as sleep } from 'node:timers/promises'
import { descriptorsOf } from '../load/figures.ts'
import { numberOf, type Seen } from '../load/origin/words.ts'
import type { Supplies } from './hand.ts'
import { judgeArrival } from './judge-arrival.ts'
import type { Offence } from './play.ts'
import { type Sample, sample } from './samples.ts'
import type { Servers } from './servers.ts'

export type Progress = {
  readonly requests: number
  /** Milliseconds since the first request. */
  readonly elapsed: number
  readonly sample: Sample
}

/** A soak while it runs. */
export type Run = {
  requests: number
  over: boolean
  offence?: Offence
  readonly faults: string[]
  readonly outcomes: Map<string, Map<string, number>>
}

const SAMPLE_EVERY = 500
/** Witnesses are waited for, but not for ever: not every request arrives. */
const MOST_WITNESSED = 20_000

/** What arrives though it must not, and what arrives when no caller is there to hear of it. */
export function watchOrigin({ origin }: Servers, { witnessed }: Supplies, run: Run): void {
  const fault = (text: string): void => {
    run.faults.push(text)
    run.over = true
  }
  origin.onFault = ({ fault: why, bytes }) => fault(`at the upstream: ${why}\n${bytes}`)
  const judgeOne = (seen: Seen): void => {
    const wanted = witnessed.get(numberOf(seen.target))
    const why = wanted === undefined ? undefined : judgeArrival(seen, wanted, 'head')
    if (why !== undefined) fault(`${seen.method} ${seen.target}: ${why}`)
  }
  origin.onWitness = list => {
    for (const seen of list) judgeOne(seen)
    for (const number of witnessed.keys()) {
      if (witnessed.size <= MOST_WITNESSED) break
      witnessed.delete(number)
    }
  }
}

export type Watching = {
  /** Told how it goes, now and then. */
  readonly onProgress: (progress: Progress) => void
  /** Milliseconds between two of these. */
  readonly every: number
}

/** Looks at the gateway's process now and then, and says how it goes. */
export function watchGateway({ gateway }: Servers, run: Run, { every, onProgress }: Watching) {
  const samples: Sample[] = []
  const began = performance.now()
  let said = began
  const look = (): void => {
    const seen = sample(gateway.pid, run.requests)
    samples.push(seen)
    const now = performance.now()
    if (now - said < every) return
    said = now
    onProgress({ requests: run.requests, elapsed: now - began, sample: seen })
  }
  const timer = setInterval(look, SAMPLE_EVERY)
  const stop = (): readonly Sample[] => {
    clearInterval(timer)
    look()
    return samples
  }
  return { stop }
}

/** Milliseconds after which nothing is left of the callers, idle connections to the upstream included. */
const AFTERGLOW = 15_000

/** Waits until the gateway has let go of everything; the descriptors that it still has. */
export async function findLeftovers(
  { gateway, origin }: Servers,
  { faults }: Run,
  before: number,
): Promise<number> {
  const descriptors = () => descriptorsOf(gateway.pid)
  for (const end = Date.now() + AFTERGLOW; Date.now() < end; await sleep(100)) {
    if (descriptors() <= before && (await origin.counts()).open === 0) break
  }
  const { open } = await origin.counts()
  if (open > 0) faults.push(`${open} connections to the upstream are left open`)
  const { text } = await gateway.admin('/metrics')
  const inFlight = /^feide_gateway_in_flight_requests (\d+)$/m.exec(text)?.[1]
  if (inFlight !== '0') faults.push(`${inFlight} requests are still counted as in flight`)
  faults.push(...gateway.logFaults.slice(0, 3).map(text => `in the log: ${text}`))
  return descriptors()
}
