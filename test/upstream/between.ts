import { afterEach } from 'vitest'
import { samplesOf } from '../life/support.ts'
import type { RequestParts } from '../support/raw.ts'
import type { Upstream } from '../support/upstream.ts'
import { type Place, startPlace } from './support.ts'

/** A gateway before several origins, and what it tells of them; stopped after each test. */

let place: Place | undefined
const others: { close(): unknown }[] = []
afterEach(async () => {
  await place?.stop()
  place = undefined
  for (const other of others.splice(0)) await other.close()
})

/** Closes something after the test. */
export const closeLater = (other: { close(): unknown }): void => void others.push(other)

/** One data source, `api`, with these URLs and as many recording origins. */
export async function between(
  urls: readonly string[],
  more: object = {},
  origins = 0,
): Promise<Place> {
  place = await startPlace(
    started => ({
      api: { upstream: { urls: [...urls, ...started.map(({ url }) => url)], ...more } },
    }),
    { origins },
  )
  return place
}

/** The log lines about origins, in short. */
export const told = ({ gateway }: Pick<Place, 'gateway'>): string[] =>
  gateway.logs
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
