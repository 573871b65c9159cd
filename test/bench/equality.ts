import { setTimeout as sleep } from 'node:timers/promises'
import type { Issuer } from '../support/issuer.ts'
import { CLIENT_ID } from '../support/issuer.ts'
import { request, sendOne } from '../support/raw.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import type { Bench, Running } from './bench.ts'
import { badTokens } from './refusals.ts'
import { claimsOf } from './tokens.ts'
import { tellsUpstream } from './told.ts'

/** What is looked at: a contestant in front of an upstream that records. */
export interface Checked {
  readonly running: Running
  readonly issuer: Issuer
  readonly upstream: Upstream
}

/**
 * Holds a contestant against the work that all of them are to do: what the upstream is told, what is
 * refused, what is logged. Nobody's figures are worth anything beside those of one who does less.
 *
 * @returns what is wrong, a sentence each
 */
export async function unequalWork(checked: Checked): Promise<string[]> {
  const { name } = checked.running
  const faults = [
    ...(await tellsUpstream(checked)),
    ...(await tookBody(checked)),
    ...(await refused(checked)),
    ...(await logged(checked)),
  ]
  return faults.map(fault => `${name}: ${fault}`)
}

/** Checks every contestant that does the whole work; throws where one does not. */
export async function assertEqualWork({ contestants, issuer, start, say }: Bench): Promise<void> {
  const upstream = await startUpstream()
  const faults: string[] = []
  try {
    for (const contestant of contestants.filter(({ authenticates }) => authenticates)) {
      const running = await start(contestant, { upstreamPort: upstream.port })
      faults.push(...(await unequalWork({ running, issuer, upstream })))
      await running.server.stop()
    }
  } finally {
    await upstream.close()
  }
  if (faults.length > 0) throw new Error(`unequal work:\n  ${faults.join('\n  ')}`)
  say('every contestant refuses the same tokens and delivers the same headers')
}

async function tookBody({ running, issuer, upstream }: Checked): Promise<string[]> {
  upstream.reset()
  const body = Buffer.alloc(10 * 1024, 'x')
  const headers = { 'Content-Length': String(body.length) }
  const parts = { method: 'POST', target: '/post', headers, body }
  await sendOne(running.port, request({ ...parts, token: issuer.token(claimsOf(issuer)) }))
  const [received] = upstream.requests
  return received?.body.equals(body) ? [] : ['a body of 10 KiB does not arrive as it was sent']
}

async function refused({ running, issuer, upstream }: Checked): Promise<string[]> {
  upstream.reset()
  const faults: string[] = []
  for (const { what, token, status } of badTokens(issuer)) {
    const answer = await sendOne(running.port, request({ token }))
    if (answer.status !== status) faults.push(`${what} is answered with ${answer.status}`)
  }
  if (upstream.requests.length > 0) faults.push('a refused request reached the upstream')
  return faults
}

/** Milliseconds that a line of the log may take. */
const LOG_PATIENCE = 2_000

async function logged({ running, issuer }: Checked): Promise<string[]> {
  let text = ''
  const stop = running.server.onLog(chunk => {
    text += chunk
  })
  const headers = { 'X-Request-Id': 'the-request-of-the-log' }
  const token = issuer.token(claimsOf(issuer))
  await sendOne(running.port, request({ headers, token }))
  const find = () => /^.*"the-request-of-the-log".*\n/m.exec(text)?.[0]
  for (let left = LOG_PATIENCE; left > 0 && !find(); left -= 10) await sleep(10)
  stop()
  const line = find()
  if (!line) return ['a request leaves no line in the log']
  return line.includes(CLIENT_ID) ? [] : ['the line in the log does not name the client']
}
