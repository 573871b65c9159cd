import type { Gateway, LogLine } from '../support/gateway.ts'
import type { Redis } from '../support/redis.ts'

export type KeysSaid = {
  readonly source: string | null
  readonly age: number | null
  readonly kids: readonly string[]
  readonly distrusted: readonly string[]
  readonly nextRefresh: string | null
  readonly lastError: string | null
}

export type StatusSaid = {
  readonly keys: KeysSaid
  readonly redis: { readonly up: boolean } | null
}

export const statusOf = async (gateway: Gateway): Promise<StatusSaid> =>
  (await gateway.admin('/status')).json() as Promise<StatusSaid>

/** What `/readyz` says: the status, and the reason where it is not ready. */
export async function readiness(gateway: Gateway): Promise<{ status: number; reason?: string }> {
  const answer = await gateway.admin('/readyz')
  const { reason } = (await answer.json()) as { reason?: string }
  return { status: answer.status, ...(reason !== undefined && { reason }) }
}

export const isReady = async (gateway: Gateway): Promise<boolean> =>
  (await readiness(gateway)).status === 200

/** The value of a metric, its labels written as in `/metrics`; 0 where it is not there. */
export async function metric(gateway: Gateway, name: string): Promise<number> {
  const body = await (await gateway.admin('/metrics')).text()
  const line = body.split('\n').find(text => text.startsWith(`feide_gateway_${name} `))
  return Number(line?.split(' ')[1] ?? 0)
}

/** Log lines with one of these messages, without what differs from run to run. */
export const said = ({ logs }: Gateway, ...messages: string[]): LogLine[] =>
  logs.filter(({ msg }) => messages.includes(String(msg)))

/** Everything that is stored in a Redis, by name; a value that is no text is left out. */
export async function stored(redis: Redis): Promise<[name: string, text: string][]> {
  const names = (await redis.cli('keys', '*')).split('\n').filter(name => name !== '')
  const texts = await Promise.all(names.map(name => redis.cli('get', name).catch(() => undefined)))
  return names.flatMap((name, index): [string, string][] => {
    const value = texts[index]
    return value === undefined ? [] : [[name, value]]
  })
}
