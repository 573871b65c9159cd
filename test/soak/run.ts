import { descriptorsOf } from '../load/figures.ts'
import { createBadTokens } from './bad-tokens.ts'
import { createHand, type Supplies } from './hand.ts'
import { createPlayer, type Offence, Offended } from './play.ts'
import { createRandom, type Random } from './random.ts'
import { descriptorFault, growthFault, type Sample } from './samples.ts'
import { type Servers, startServers } from './servers.ts'
import type { Shot } from './shot.ts'
import { type Stalls, watchStalls } from './stalls.ts'
import { createTokens } from './tokens.ts'
import { createTraffic } from './traffic.ts'
import { findLeftovers, type Run, type Watching, watchGateway, watchOrigin } from './watch.ts'

export type SoakOptions = Watching & {
  readonly requests: number
  readonly connections: number
  readonly seed: number
  /** The share of attacks among the requests, 0 to 1. */
  readonly attacks: number
  /** Ends the run early. */
  readonly signal: AbortSignal
}

export type Summary = {
  readonly requests: number
  readonly elapsed: number
  readonly samples: readonly Sample[]
  /** Descriptors of the gateway before the first request and after the last. */
  readonly descriptors: readonly [before: number, after: number]
  /** How often each kind of request got each status. */
  readonly outcomes: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly offence?: Offence
  /** What else speaks against the gateway. */
  readonly faults: readonly string[]
}

const BYTES = 256 * 1024
/** Sends mixed traffic through a gateway, and holds every answer against the oracle. */
export async function soak(options: SoakOptions): Promise<Summary> {
  const servers = await startServers()
  const run: Run = { requests: 0, over: false, faults: [], outcomes: new Map() }
  const random = createRandom(options.seed)
  const supplies = createSupplies(servers, random.fork(0))
  options.signal.addEventListener('abort', () => {
    run.over = true
  })
  watchOrigin(servers, supplies, run)
  const before = descriptorsOf(servers.gateway.pid)
  const began = performance.now()
  const watch = watchGateway(servers, run, options)
  const stalls = watchStalls()
  await Promise.all(
    Array.from({ length: options.connections }, (_, i) =>
      work(servers, supplies, run, stalls, options, random.fork(i + 1), i),
    ),
  )
  const elapsed = performance.now() - began
  const samples = watch.stop()
  stalls.stop()
  const after = await findLeftovers(servers, run, before)
  const most = 6 * options.connections + 100
  const flat = [growthFault(samples), descriptorFault(before, samples, after, most)]
  run.faults.push(...flat.filter(fault => fault !== undefined))
  const code = await servers.stop()
  if (code !== 0) run.faults.push(`the gateway ended with ${code}`)
  return { ...run, elapsed, samples, descriptors: [before, after] }
}

function createSupplies({ issuer, origin }: Servers, random: Random): Supplies {
  const bytes = Buffer.alloc(BYTES)
  for (let at = 0; at < BYTES; at += 4) bytes.writeUInt32LE(random.below(2 ** 32), at)
  const tokens = createTokens(issuer, random)
  const bad = createBadTokens(issuer, tokens, random)
  return { tokens, bad, bytes, authority: `127.0.0.1:${origin.port}`, witnessed: new Map() }
}

/** One after the other, on connections of its own, until all workers together have sent enough. */
async function work(
  { gateway }: Servers,
  supplies: Supplies,
  run: Run,
  stalls: Stalls,
  { requests, attacks }: SoakOptions,
  random: Random,
  index: number,
): Promise<void> {
  const next = createTraffic(createHand(supplies, index, random), attacks)
  const player = createPlayer({
    port: gateway.port,
    stalls,
    note: (shot, came) => note(run, shot, came),
  })
  try {
    while (run.requests < requests && !run.over) {
      const { shots, alone, hangUp } = next()
      run.requests += shots.length
      if (hangUp) player.hangUp()
      if (alone) for (const shot of shots) await player.alone(shot)
      else await player.volley(shots)
    }
  } catch (error) {
    if (!(error instanceof Offended)) throw error
    run.offence ??= error.offence
    run.over = true
  } finally {
    player.hangUp()
  }
}

function note({ outcomes }: Run, { kind }: Shot, came: string): void {
  const counts = outcomes.get(kind) ?? new Map<string, number>()
  outcomes.set(kind, counts)
  counts.set(came, (counts.get(came) ?? 0) + 1)
}
