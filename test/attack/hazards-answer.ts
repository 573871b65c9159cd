import type { Socket } from 'node:net'
import { expect } from 'vitest'
import {
  type Answer,
  type HeaderList,
  type RequestParts,
  request,
  valuesOf,
} from '../support/raw.ts'
import { askAfterwards, before, behind, isClosed, told } from './hazards-play.ts'
import { type Hazards, tellBack } from './hazards-stage.ts'
import { crumbs, type Heard, type Talk, talk } from './hazards-talk.ts'

/** What an upstream says to the one request that is attacked. */
export type Says = string | ((socket: Socket) => void | Promise<void>)

export type Given = {
  /** Its status, or the code of a refusal; `cut` where it broke off. */
  readonly answer: string
  readonly headers: HeaderList
  readonly body: string
  /** How often the request was sent. */
  readonly sent: number
  /** The answers to the requests of others on the caller's connection, in order. */
  readonly others: readonly string[]
}

const TARGET = '/me?attacked'
/** What the gateway says for itself. */
const OWN = /^(date|connection|keep-alive|x-request-id|transfer-encoding)$/i
/** Every line ends in CRLF, and there is no control character besides. */
const CLEAN = /^(?:\r\n|[\t\x20-\x7e\x80-\xff])*$/

/** A request whose upstream misbehaves, sent in one segment with requests of others around it. */
export async function answerTo(on: Hazards, says: Says, parts: RequestParts = {}): Promise<Given> {
  const pieces = [Buffer.concat([before.bytes(on), attacked(on, parts), behind.bytes(on)])]
  const heard = await hear(on, says, {
    steps: [{ after: 0, pieces }],
    methods: ['GET', parts.method ?? 'GET', 'GET'],
    answers: 3,
    closes: false,
  })
  const [first, answer, last] = heard.answers.filter(({ status }) => status >= 200)
  const others = [first, last].map(one => (one === undefined ? 'none' : told(one)))
  return { ...summaryOf(answer), sent: timesSent(on), others }
}

/** Both others are answered as if nothing had been; or the connection was over before the second. */
export const SERVED = [before.told, behind.told]
export const OVER = [before.told, 'none']

const UPGRADE: HeaderList = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
]

export type GivenUpgrade = Omit<Given, 'others'> & {
  readonly closed: boolean
  /** What came through the tunnel. */
  readonly tunnel: string
}

/** An upgrade whose upstream misbehaves, behind a request of somebody else that was answered. */
export async function answerToUpgrade(on: Hazards, says: Says): Promise<GivenUpgrade> {
  const heard = await hear(on, says, {
    steps: [
      { after: 0, pieces: [before.bytes(on)] },
      { after: 1, pieces: [attacked(on, { headers: UPGRADE })] },
    ],
    methods: ['GET', 'GET'],
    answers: 2,
    closes: false,
  })
  const [first, answer] = heard.answers
  expect(first && told(first)).toBe(before.told)
  const read = heard.answers.reduce((length, { raw }) => length + raw.length, 0)
  const tunnel = heard.text.slice(read)
  return { ...summaryOf(answer), sent: timesSent(on), closed: heard.closed, tunnel }
}

const attacked = (on: Hazards, parts: RequestParts) =>
  request({ ...parts, target: TARGET, token: on.token('mallory') })

async function hear(on: Hazards, says: Says, words: Talk): Promise<Heard> {
  on.upstream.reset()
  on.upstream.answer = async (seen, socket) => {
    if (seen.target !== TARGET) return tellBack(seen)
    socket.setNoDelay(true)
    if (typeof says === 'string') socket.write(says, 'latin1')
    else await says(socket)
    return undefined
  }
  const heard = await talk(on.gateway.port, words, async () => {
    await Promise.all([askAfterwards(on), askAfterwards(on)])
  })
  for (const answer of heard.answers) {
    expect(answer.raw.replace(/(\r\n\r\n)[\s\S]*/, '$1')).toMatch(CLEAN)
    expect(valuesOf(answer, 'x-request-id')).toEqual([expect.stringMatching(/^[\w-]{36}$/)])
  }
  return heard
}

const timesSent = (on: Hazards) =>
  on.upstream.requests.filter(({ target }) => target === TARGET).length

function summaryOf(answer: Answer | undefined): Pick<Given, 'answer' | 'headers' | 'body'> {
  if (answer === undefined || !answer.complete) return { answer: 'cut', headers: [], body: '' }
  const headers = answer.headers.filter(([name]) => !OWN.test(name))
  const isRefusal = answer.body.includes('"requestId"')
  return isRefusal
    ? { answer: told(answer), headers: [], body: '' }
    : { answer: String(answer.status), headers, body: answer.body }
}

/** Whether the connection on which the request was answered is given up. */
export async function isGivenUp(on: Hazards): Promise<boolean> {
  const used = on.upstream.connections.filter(({ text }) => text.includes(TARGET))
  const closed = await Promise.all(used.map(isClosed))
  return used.length > 0 && closed.every(Boolean)
}

/** The same in many small writes, each a segment of its own. */
export const inCrumbs = (text: string) => async (socket: Socket) => {
  for (const piece of crumbs(Buffer.from(text, 'latin1'))) {
    if (socket.destroyed) return
    socket.write(piece)
    await new Promise(setImmediate)
  }
}
