import { expect } from 'vitest'
import { codeOf } from '../contract/stage.ts'
import { type Answer, request, valuesOf } from '../support/raw.ts'
import type { UpstreamConnection } from '../support/upstream.ts'
import {
  type Hazards,
  type Party,
  type Sent,
  tellBack,
  type Wire,
  wireOf,
} from './hazards-stage.ts'
import { crumbs, type Step, type Talk, talk, until } from './hazards-talk.ts'
import { readStrictly } from './hazards-wire.ts'

/** What one hostile caller sends, and what must come of it. */
export type Attack = {
  readonly bytes: Buffer
  /** As `told` gives them, in order. */
  readonly answers: readonly string[]
  readonly sent: readonly Sent[]
  /** The methods of its requests, where one is HEAD. */
  readonly methods?: readonly string[]
  /** Nobody else is served on the connection: it closes, or is a tunnel from then on. */
  readonly ends?: 'by closing' | 'in a tunnel'
}

export const DELIVERIES = [
  'alone',
  'alone, byte by byte',
  'between requests of others',
  'between requests of others, in turn',
] as const
export type Delivery = (typeof DELIVERIES)[number]

export type Outcome = {
  readonly answers: readonly string[]
  readonly closed: boolean
  /** What the upstream got, in order. */
  readonly sent: readonly Wire[]
  /** Whether every byte that the upstream got belongs to a whole request, or to one that was cut. */
  readonly connections: 'sound' | 'left open' | 'malformed'
}

const asked = (party: Party, place: string) => ({
  told: `200 GET /me?${place} as ${party}`,
  sent: { line: `GET /me?${place}`, as: party },
  bytes: (on: Hazards) => request({ target: `/me?${place}`, token: on.token(party) }),
})
export const before = asked('ann', 'before')
export const behind = asked('bo', 'behind')
export const afterwards = asked('cleo', 'afterwards')

/** Sends an attack, with requests of others around it as the delivery says; what came of it all. */
export async function play(on: Hazards, attack: Attack, delivery: Delivery): Promise<Outcome> {
  const methods = attack.methods ?? attack.answers.map(() => 'GET')
  return outcomeOf(on, {
    steps: stepsOf(on, attack, delivery),
    methods: delivery.startsWith('alone') ? methods : ['GET', ...methods],
    answers: finalsIn(wantedAnswers(attack, delivery)),
    closes: attack.ends === 'by closing',
  })
}

/** What `play` must give. */
export function expected(on: Hazards, attack: Attack, delivery: Delivery): Outcome {
  const isAlone = delivery.startsWith('alone')
  const isServedOn = !isAlone && attack.ends === undefined
  const sent: readonly Sent[] = [
    ...(isAlone ? [] : [before.sent]),
    ...attack.sent,
    ...(isServedOn ? [behind.sent] : []),
    afterwards.sent,
  ]
  return {
    answers: wantedAnswers(attack, delivery),
    closed: attack.ends === 'by closing',
    sent: sent.map(one => wireOf(on, one)),
    connections: 'sound',
  }
}

/** Talks over one connection and then, while it is open, over another as somebody else. */
export async function outcomeOf(on: Hazards, words: Talk): Promise<Outcome> {
  on.upstream.reset()
  on.upstream.answer = tellBack
  const { answers, closed } = await talk(on.gateway.port, words, () => askAfterwards(on))
  const sent = on.upstream.requests.map(({ raw }) => strictlyRead(raw))
  return { answers: answers.map(told), closed, sent, connections: await soundness(on) }
}

/** The next caller has its own answer. */
export async function askAfterwards(on: Hazards): Promise<void> {
  const steps = [{ after: 0, pieces: [afterwards.bytes(on)] }]
  const heard = await talk(on.gateway.port, { steps, methods: ['GET'], answers: 1, closes: false })
  expect(heard.answers.map(told)).toEqual([afterwards.told])
}

/** A request to hide in bodies, and what is sent where it is served as one of its own. */
export const INNER =
  'GET /open/inner HTTP/1.1\r\nHost: gateway.test\r\nX-Dataporten-Userid: forged\r\n\r\n'

function wantedAnswers(attack: Attack, delivery: Delivery): readonly string[] {
  if (delivery.startsWith('alone')) return attack.answers
  return [before.told, ...attack.answers, ...(attack.ends === undefined ? [behind.told] : [])]
}

const finalsIn = (answers: readonly string[]) => answers.filter(one => !/^1(?!01)/.test(one)).length

function stepsOf(on: Hazards, { bytes, answers, ends }: Attack, delivery: Delivery): Step[] {
  const first = before.bytes(on)
  const last = ends === 'in a tunnel' ? Buffer.alloc(0) : behind.bytes(on)
  switch (delivery) {
    case 'alone':
      return [{ after: 0, pieces: [bytes] }]
    case 'alone, byte by byte':
      return [{ after: 0, pieces: crumbs(bytes) }]
    case 'between requests of others':
      return [{ after: 0, pieces: [Buffer.concat([first, bytes, last])] }]
    case 'between requests of others, in turn':
      return [
        { after: 0, pieces: [first] },
        { after: 1, pieces: [bytes] },
        { after: 1 + finalsIn(answers), pieces: [last] },
      ]
  }
}

/** An answer in a line: what was asked as whom, or the code of a refusal. */
export function told(answer: Answer): string {
  const [text] = valuesOf(answer, 'x-told')
  const isOwn = text === undefined || answer.body === text || text.startsWith('HEAD ')
  const code = answer.body === '' ? undefined : (codeOf(answer) ?? answer.body.slice(0, 100))
  const parts = [
    answer.status,
    text ?? code,
    isOwn ? '' : answer.body,
    answer.complete ? '' : 'cut',
  ]
  return parts.filter(part => part !== undefined && part !== '').join(' ')
}

function strictlyRead(raw: string): Wire {
  const { requests, end } = readStrictly(raw)
  const [first, another] = requests
  if (first === undefined || another !== undefined || end !== 'clean') {
    return { head: [`not one request, but ${end}`], body: raw }
  }
  const { line, headers, body, trailers } = first
  const fields = headers.map(([name, value]) => `${name}: ${name === 'X-Request-Id' ? '…' : value}`)
  return { head: [line, ...fields], body: body + trailers }
}

/** Whether every byte that the upstream got belongs to a whole request, or to one that was cut. */
export async function soundness(on: Hazards): Promise<Outcome['connections']> {
  const read = on.upstream.connections.map(connection => ({
    connection,
    end: readStrictly(connection.text).end,
  }))
  if (read.some(({ end }) => end === 'malformed')) return 'malformed'
  const cut = read.filter(({ end }) => end === 'unfinished')
  const closed = await Promise.all(cut.map(({ connection }) => isClosed(connection)))
  return closed.every(Boolean) ? 'sound' : 'left open'
}

export const isClosed = (connection: UpstreamConnection) => until(() => connection.closed)
