import { afterAll, afterEach, beforeAll } from 'vitest'
import { samplesOf } from '../life/support.ts'
import type { RequestParts } from '../support/raw.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { type Place, type SourcesFor, startPlace } from './support.ts'

/** A gateway of the file, which each test loads with a policy and origins of its own. */

export type Install = (sources: SourcesFor, origins?: number) => Promise<Place>

const closing: { close(): unknown }[] = []

/** Closes something after the test. */
export const closeLater = (other: { close(): unknown }): void => void closing.push(other)

export function sharedGateway(): Install {
  let shared: Place | undefined
  beforeAll(async () => {
    const nothing = { nothing: { upstream: 'http://127.0.0.1:1' } }
    shared = await startPlace(() => nothing, { origins: 0, more: { limits: { drain: '2s' } } })
  })
  afterEach(async () => {
    for (const other of closing.splice(0)) await other.close()
  })
  afterAll(() => shared?.stop())

  return async (sources, count = 1) => {
    if (!shared) throw new Error('the gateway is not up')
    const origins = await Promise.all(Array.from({ length: count }, () => startUpstream()))
    for (const origin of origins) closeLater(origin)
    const { length } = shared.gateway.logs
    await shared.reload(sources(origins))
    return { ...shared, origins, since: length }
  }
}

/** One data source, `api`, with these URLs and as many recording origins behind them. */
export const between =
  (install: Install) =>
  (urls: readonly string[], more: object = {}, origins = 0): Promise<Place> =>
    install(
      started => ({
        api: { upstream: { urls: [...urls, ...started.map(({ url }) => url)], ...more } },
      }),
      origins,
    )

/** The log lines about origins, in short. */
export const told = ({ gateway, since }: Pick<Place, 'gateway' | 'since'>): string[] =>
  gateway.logs
    .slice(since)
    .filter(({ msg }) => String(msg).startsWith('upstream origin'))
    .map(({ level, msg, origin }) => `${level}: ${msg}: ${origin}`)

export async function upByMetric({
  gateway,
}: Pick<Place, 'gateway'>): Promise<Record<string, number>> {
  const samples = await samplesOf(gateway)
  const up = samples.filter(({ name }) => name === 'feide_gateway_upstream_origin_up')
  return Object.fromEntries(up.map(({ labels, value }) => [labels.origin, value]))
}

export const POST: RequestParts = {
  method: 'POST',
  headers: { 'Content-Length': '5' },
  body: 'hello',
}

export const countsOf = (origins: readonly Upstream[]): number[] =>
  origins.map(({ requests }) => requests.length)

/** Requests one after the other. */
export async function statuses(
  { ask }: Pick<Place, 'ask'>,
  count: number,
  parts: RequestParts = {},
): Promise<number[]> {
  const got: number[] = []
  for (let i = 0; i < count; i++) got.push((await ask('api', parts)).status)
  return got
}

export const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)
