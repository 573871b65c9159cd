import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitUntil } from '../support/redis.ts'
import { type Answer, type Caller, isAnswer, openCaller, type Silence } from './caller.ts'
import { forgetPeak, MIB, memoryOf } from './figures.ts'
import { writeBulk } from './origin/bulk.ts'
import { type Scene, startScene } from './scene.ts'

const GIB = 1024 * MIB
/** What the gateway may grow by, whatever goes through it. What answers are read into is used again. */
const ALLOWED = { sent: 64 * MIB, answered: 32 * MIB }
const PATIENCE = 180_000

let scene: Scene
beforeAll(async () => {
  const routes = { 'GET /down': 'public', 'POST /up': 'public' }
  scene = await startScene({ dataSources: { grades: { maxBody: 'none', routes } } })
  // The first large bodies make V8's heap as large as it will be.
  await upload(128 * MIB)
  await download(128 * MIB)
}, PATIENCE)
afterAll(async () => {
  await scene?.stop()
  expect(scene.origin.faults).toEqual([])
})

let number = 0
/** A request of its own for the origin. */
const query = (wish: string) => `n=f${++number}&a=${wish}`

/** Runs something, and says by how much the gateway has grown at most. */
async function growthOf(run: () => Promise<void>): Promise<number> {
  const { pid } = scene.gateway
  const before = memoryOf(pid).now
  forgetPeak(pid)
  await run()
  return memoryOf(pid).peak - before
}

const answerOf = (came: Answer | Silence): Answer => {
  if (!isAnswer(came)) throw new Error(came.silence)
  return came
}

/** @param pause called when the sending has begun */
async function upload(size: number, pause = async () => {}) {
  const caller = openCaller(scene.gateway.port)
  const fields = `Host: a\r\nContent-Length: ${size}\r\nConnection: close\r\n`
  caller.write(`POST /up?${query('sha256')} HTTP/1.1\r\n${fields}\r\n`)
  const answer = caller.answer('POST')
  const [sent] = await Promise.all([writeBulk(caller.socket, size), pause()])
  const { status, body } = answerOf(await answer)
  // The origin is another process: its word may come after its answer.
  await waitUntil(() => scene.origin.bulks.at(-1)?.bytes === size, 'the origin does not say')
  return { status, bytes: size, isSame: body.toString() === sent }
}

/** @param onPiece called with the bytes so far */
async function download(size: number, onPiece = (_caller: Caller, _bytes: number) => {}) {
  const caller = openCaller(scene.gateway.port)
  const hash = createHash('sha256')
  let bytes = 0
  caller.onBody(chunk => {
    hash.update(chunk)
    bytes += chunk.length
    onPiece(caller, bytes)
  })
  const fields = 'Host: a\r\nConnection: close\r\n'
  caller.write(`GET /down?${query('bulk')}&size=${size} HTTP/1.1\r\n${fields}\r\n`)
  const { status } = answerOf(await caller.answer('GET'))
  const sha256 = hash.digest('hex')
  await waitUntil(() => scene.origin.bulks.at(-1)?.bytes === size, 'the origin does not say')
  return { status, bytes, isSame: scene.origin.bulks.at(-1)?.sha256 === sha256 }
}

describe('what a caller sends', () => {
  test('arrives whole, a GiB of it, and is not kept', { timeout: PATIENCE }, async () => {
    const growth = await growthOf(async () => {
      expect(await upload(GIB)).toEqual({ status: 200, bytes: GIB, isSame: true })
    })
    expect(growth).toBeLessThan(ALLOWED.sent)
  })

  test('waits while the upstream does not read', { timeout: PATIENCE }, async () => {
    const size = 256 * MIB
    const stopReading = async () => {
      await sleep(100)
      scene.origin.order('pause')
      await sleep(2_000)
      scene.origin.order('resume')
    }
    const growth = await growthOf(async () => {
      expect(await upload(size, stopReading)).toEqual({ status: 200, bytes: size, isSame: true })
    })
    expect(growth).toBeLessThan(ALLOWED.sent)
  })
})

describe('what an upstream answers', () => {
  test('arrives whole, a GiB of it, and is not kept', { timeout: PATIENCE }, async () => {
    const growth = await growthOf(async () => {
      expect(await download(GIB)).toEqual({ status: 200, bytes: GIB, isSame: true })
    })
    expect(growth).toBeLessThan(ALLOWED.answered)
  })

  test('waits while its caller does not read', { timeout: PATIENCE }, async () => {
    const size = 256 * MIB
    let hasPaused = false
    const stopOnce = (caller: Caller, bytes: number) => {
      if (hasPaused || bytes < 8 * MIB) return
      hasPaused = true
      caller.socket.pause()
      setTimeout(() => caller.socket.resume(), 2_000)
    }
    const growth = await growthOf(async () => {
      const whole = { status: 200, bytes: size, isSame: true }
      expect(await download(size, stopOnce)).toEqual(whole)
    })
    expect({ hasPaused, isFlat: growth < ALLOWED.answered }).toEqual({
      hasPaused: true,
      isFlat: true,
    })
  })
})
