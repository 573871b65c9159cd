import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { get as getOverTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../keys/certificate.ts'
import { startWorld, type World } from '../support/world.ts'

/**
 * The memory that answers are read into is used again when the caller has taken what was in it. Every byte
 * tells here whose it is and where it stands: one that was written over too early shows.
 */

const MIB = 1024 * 1024

/** A body that is like no other one. */
function bodyOf(id: number, bytes: number): Buffer {
  const words = new Uint32Array(bytes / 4)
  for (let i = 0; i < words.length; i++) words[i] = (i * 2_654_435_761 + id * 40_503) >>> 0
  return Buffer.from(words.buffer)
}

const BODIES = Array.from({ length: 8 }, (_, id) => bodyOf(id, 4 * MIB))

/** More than what the system keeps for one connection. */
const LONG = bodyOf(8, 24 * MIB)
const ALL = [...BODIES, LONG]

function serve({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const [, kind, id] = url.split('/')
  const body = ALL[Number(id)] as Buffer
  if (kind === 'trickle') trickle(response, body)
  else if (kind === 'chunked') {
    for (let at = 0; at < body.length; at += 50_001) response.write(body.subarray(at, at + 50_001))
    response.end()
  } else {
    response.setHeader('Content-Length', body.length)
    response.end(body)
  }
}

/** Little by little, so that each piece is read for itself. */
function trickle(response: ServerResponse, body: Buffer, at = 0): void {
  if (response.destroyed) return
  if (at >= body.length) return void response.end()
  const goOn = response.write(body.subarray(at, at + 3_000))
  const next = () => trickle(response, body, at + 3_000)
  if (goOn) setImmediate(next)
  else response.once('drain', next)
}

const api = createServer(serve)
const certificate = makeCertificate()
beforeAll(async () => {
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  api.closeAllConnections()
  api.close()
  certificate.remove()
})

/** How one caller reads: when it begins (milliseconds), a pause after so many bytes, and where it leaves. */
interface Reader {
  readonly after?: number
  readonly every: number
  readonly leavesAt?: number
}

describe.each(['in the clear', 'over TLS'])('callers that read in fits and starts, %s', how => {
  let world: World
  beforeAll(async () => {
    const { cert, key } = certificate
    const { port } = api.address() as AddressInfo
    world = await startWorld({
      ...(how === 'over TLS' && { tls: { cert, key } }),
      dataSources: {
        grades: {
          upstream: { url: `http://127.0.0.1:${port}` },
          routes: { 'GET /**': 'public' },
        },
      },
    })
  })
  afterAll(() => world.stop())

  /** Reads an answer as a reader does; resolves with the first byte that is wrong, or how it ended. */
  async function read(
    kind: string,
    id: number,
    { after = 0, every, leavesAt }: Reader,
  ): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const where = { host: '127.0.0.1', port: world.gateway.port, path: `/${kind}/${id}` }
    const options = { ...where, agent: false, rejectUnauthorized: false }
    const ask = how === 'over TLS' ? getOverTls : get
    ask(options, async answer => {
      const body = ALL[id] as Buffer
      await sleep(after)
      let [at, next] = [0, every]
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        if (!chunk.equals(body.subarray(at, at + chunk.length))) {
          return resolve(`wrong within ${chunk.length} bytes from ${at}`)
        }
        at += chunk.length
        if (leavesAt !== undefined && at >= leavesAt) return resolve('left')
        // The last of it, when the connection to the API reads the next answer already.
        const isEnd = at > body.length - 200_000
        if (at >= next || isEnd) {
          await sleep(isEnd ? 5 : 1)
          next = at + every
        }
      }
      resolve(at === body.length ? 'whole' : `ended at ${at}`)
    }).once('error', reject)
    return promise
  }

  test.for(['whole', 'chunked'])('each get their own bytes, answers %s', async kind => {
    const readers = BODIES.map(async (_, id) => {
      const ends: string[] = []
      for (let i = 0; i < 6; i++) {
        const leavesAt = (id + i) % 4 === 3 ? 1_000_000 * (i % 4) + 1 : undefined
        const reader = {
          every: 30_000 + 17_000 * ((id * 3 + i) % 7),
          ...(leavesAt && { leavesAt }),
        }
        ends.push(await read(kind, (id + i) % BODIES.length, reader))
      }
      return ends
    })
    const ends = (await Promise.all(readers)).flat()
    expect(ends.filter(end => end !== 'whole' && end !== 'left')).toEqual([])
    expect(ends.filter(end => end === 'whole').length).toBeGreaterThan(30)
  })
  test('get what came while they did not read, as it was', async () => {
    const readers = [1_200, 1_500].map(after =>
      read('trickle', ALL.indexOf(LONG), { after, every: MIB }),
    )
    expect(await Promise.all(readers)).toEqual(['whole', 'whole'])
  })
})
