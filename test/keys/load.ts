import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Gateway } from '../support/gateway.ts'

export type Reply = { readonly said: string; readonly ms: number }

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** One request with a token over a kept connection; the status, or the code of a refusal. */
export function ask({ port }: Gateway, token: string): Promise<Reply> {
  const before = performance.now()
  const headers = { authorization: `Bearer ${token}` }
  return new Promise(resolve => {
    const end = (said: string) => resolve({ said, ms: performance.now() - before })
    const options = { agent, host: '127.0.0.1', port, path: '/courses', headers }
    request(options, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('error', error => end(error.message))
      response.on('end', () => end(response.statusCode === 200 ? '200' : codeOf(body)))
    })
      .on('error', error => end(error.message))
      .end()
  })
}

const codeOf = (body: string): string => {
  try {
    return String(JSON.parse(body).code)
  } catch {
    return `not a problem: ${body.slice(0, 100)}`
  }
}

export type Load = {
  readonly replies: Reply[]
  /** Ends it, and waits for the last answers. */
  readonly stop: () => Promise<Reply[]>
}

/** Sends so many requests a second until it is stopped, however long the answers take. */
export function startLoad(perSecond: number, one: (index: number) => Promise<Reply>): Load {
  const replies: Reply[] = []
  const running = new Set<Promise<unknown>>()
  const began = performance.now()
  let sent = 0
  let stopped = false
  const send = () => {
    const sending = one(sent).then(reply => replies.push(reply))
    sent += 1
    running.add(sending)
    void sending.finally(() => running.delete(sending))
  }
  const loop = async () => {
    while (!stopped) {
      const due = ((performance.now() - began) / 1000) * perSecond
      while (sent < due) send()
      await sleep(5)
    }
    await Promise.all(running)
  }
  const over = loop()
  const stop = async () => {
    stopped = true
    await over
    return replies
  }
  return { replies, stop }
}

/** How often each answer came. */
export function tally(replies: readonly Reply[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { said } of replies) counts[said] = (counts[said] ?? 0) + 1
  return counts
}

/** Milliseconds below which this share of the answers came. */
export function quantile(replies: readonly Reply[], share: number): number {
  const times = replies.map(({ ms }) => ms).sort((a, b) => a - b)
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
}

export const figures = (replies: readonly Reply[]): string =>
  [0.5, 0.99, 1]
    .map(share => `p${share * 100} ${quantile(replies, share).toFixed(1)} ms`)
    .join(', ')
