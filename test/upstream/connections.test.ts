import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RequestBody } from '../../gateway/upstream/body.ts'
import { type Connections, openConnections } from '../../gateway/upstream/pool.ts'
import type { Answering, Holder, Outgoing, Sending } from '../../gateway/upstream/sending.ts'
import { freePort } from '../support/redis.ts'

/** Requests that have reached the origin, each with the number of its connection. */
type Arrived = { readonly connection: number; readonly bytes: string }

let server: Server
let port: number
let sockets: Socket[]
let arrived: Arrived[]
/** What the origin says to a request. */
let answer: (socket: Socket, bytes: string) => void
let connections: Connections

const reply = (body: string, fields = '') =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`

beforeEach(async () => {
  sockets = []
  arrived = []
  answer = socket => void socket.write(reply('ok'))
  server = createServer(socket => {
    const connection = sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', data => {
      arrived.push({ connection, bytes: data.toString('latin1') })
      answer(socket, data.toString('latin1'))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  port = typeof address === 'object' && address ? address.port : 0
  connections = open(port)
})

afterEach(async () => {
  connections.destroy()
  for (const socket of sockets) socket.destroy()
  server.close()
  await once(server, 'close')
})

const open = (at: number, idleTimeout = 60_000): Connections =>
  openConnections(
    { connectTimeout: 1_000, idleTimeout, tls: {} },
    { origin: `http://127.0.0.1:${at}`, host: 'a', basePath: '' },
  )

const GET: Outgoing = { method: 'GET', target: '/a', headers: ['Host', 'a'], timeout: 60_000 }

interface Sent {
  readonly sending: Sending
  /** How it ended, and the body that came. */
  readonly outcome: Promise<string>
}

function send(
  request: Partial<Outgoing> = {},
  handle: Partial<Answering> = {},
  over = connections,
): Sent {
  const { promise: outcome, resolve } = Promise.withResolvers<string>()
  let body = ''
  const sending = over.send(
    { ...GET, ...request },
    {
      onBegan: () => {},
      onHead: () => {},
      onData: chunk => {
        body += chunk
        return undefined
      },
      onPart: () => {},
      onEnd: () => resolve(`ended: ${body}`),
      onUnreachable: ({ message }) => resolve(`unreachable: ${message}`),
      onError: ({ message }) => resolve(`failed: ${message}`),
      ...handle,
    },
  )
  return { sending, outcome }
}

const pauses = ({ sending }: Sent): undefined => sending.pause() as undefined

const connectionsUsed = () => arrived.map(({ connection }) => connection)

describe('a connection', () => {
  test('is used again, the one that was used last first', async () => {
    await Promise.all([send().outcome, send().outcome])
    await send().outcome
    await send().outcome
    const [, , third, fourth] = connectionsUsed()
    expect(sockets.length).toBe(2)
    expect(third).toBe(fourth)
  })

  test('has one request at a time', async () => {
    const held: Socket[] = []
    answer = socket => void held.push(socket)
    const all = [send(), send(), send()]
    while (held.length < 3) await sleep(5)
    expect(new Set(connectionsUsed()).size).toBe(3)
    for (const socket of held) socket.write(reply('ok'))
    expect(await Promise.all(all.map(one => one.outcome))).toEqual(Array(3).fill('ended: ok'))
  })

  test.each<[string, Partial<Outgoing>, string]>([
    ['an answer that closes it', {}, reply('ok', 'Connection: close\r\n')],
    ['an answer with bytes behind it', {}, `${reply('ok')}HTTP/1.1 200 OK\r\n\r\n`],
    [
      'an answer whose server keeps it for two seconds',
      {},
      reply('ok', 'Keep-Alive: timeout=2\r\n'),
    ],
    ['HEAD, which some answer with a body', { method: 'HEAD' }, reply('')],
    ['a 304 that says that it has a body', {}, 'HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n'],
  ])('is not used again after %s', async (_, request, bytes) => {
    answer = socket => void socket.write(bytes)
    await send(request).outcome
    await send(request).outcome
    expect(connectionsUsed()).toEqual([1, 2])
  })

  test('is not used again when something comes that nobody asked for', async () => {
    await send().outcome
    sockets[0]?.write(reply('poison'))
    // Long before it would have been closed for its age.
    const closed = once(sockets[0] as Socket, 'close')
    expect(await Promise.race([closed.then(() => 'closed'), sleep(2_000, 'open')])).toBe('closed')
    expect(await send().outcome).toBe('ended: ok')
    expect(connectionsUsed()).toEqual([1, 2])
  })

  test('is not used again when the answer came before the end of the request', async () => {
    const body: RequestBody = {
      length: 9,
      start: into => void into.write(Buffer.from('half')),
      drained: () => {},
      stop: () => {},
      hasBrokenOff: () => false,
    }
    expect(await send({ method: 'POST', body }).outcome).toBe('ended: ok')
    await send().outcome
    expect(connectionsUsed().at(-1)).toBe(2)
  })

  test('is not used again when its server has closed it', async () => {
    await send().outcome
    sockets[0]?.end()
    await once(sockets[0] as Socket, 'close')
    expect(await send().outcome).toBe('ended: ok')
  })

  test('is closed when it has been free for as long as its server said', async () => {
    answer = socket => void socket.write(reply('ok', 'Keep-Alive: timeout=3\r\n'))
    await send().outcome
    const since = performance.now()
    await once(sockets[0] as Socket, 'close')
    expect(performance.now() - since).toBeGreaterThan(900)
  })

  test('that was taken slowly is as good as any', async () => {
    answer = socket => void socket.write(reply('b'.repeat(500_000)))
    const slow = send({}, { onData: () => pauses(slow) })
    await sleep(100)
    slow.sending.resume()
    const more = setInterval(() => slow.sending.resume(), 5)
    expect(await slow.outcome).toMatch(/^ended/)
    clearInterval(more)
    answer = socket => void socket.write(reply('next'))
    expect(await send().outcome).toBe('ended: next')
  })
})

describe('a request', () => {
  test.each(['QUERY', 'PROPFIND', 'PROPPATCH', 'POST'])(
    'says of %s that it has no body',
    async method => {
      await send({ method }).outcome
      expect(arrived[0]?.bytes).toContain('\r\nContent-Length: 0\r\n')
    },
  )

  test('is given up with its connection, and no later one with it', async () => {
    answer = () => {}
    const first = send()
    while (arrived.length < 1) await sleep(5)
    first.sending.abort(new Error('enough'))
    expect(await first.outcome).toBe('failed: enough')
    answer = socket => void socket.write(reply('ok'))
    const second = send()
    await second.outcome
    first.sending.abort(new Error('again'))
    second.sending.abort(new Error('again'))
    second.sending.pause()
    expect(await send().outcome).toBe('ended: ok')
    expect(connectionsUsed()).toEqual([1, 2, 2])
  })

  test('that is given up before there is a connection is not sent', async () => {
    const { sending, outcome } = send()
    sending.abort(new Error('enough'))
    expect(await outcome).toBe('failed: enough')
    await send().outcome
    expect(arrived.length).toBe(1)
  })

  test('that no origin takes is unreachable', async () => {
    const nowhere = open(await freePort())
    expect(await send({}, {}, nowhere).outcome).toMatch(/^unreachable: connect ECONNREFUSED/)
    nowhere.destroy()
  })

  test.each<[string, Partial<Outgoing>, string]>([
    [
      'a header that is two',
      { headers: ['Host', 'a', 'X-A', 'b\r\nX-Dataporten-userid: forged'] },
      'the value of X-A is none',
    ],
    [
      'a header that is two when it is written a byte a character',
      { headers: ['Host', 'a', 'X-A', 'b\u010d\u010aX-Dataporten-userid: forged'] },
      'the value of X-A is none',
    ],
    ['a target that is two lines', { target: '/a HTTP/1.1\r\nforged: 1' }, 'the target is none'],
    ['a target with white space', { target: '/a forged' }, 'the target is none'],
  ])('with %s is not sent', async (_, request, message) => {
    expect(await send(request).outcome).toBe(`failed: ${message}`)
    await send().outcome
    expect(await send(request).outcome).toBe(`failed: ${message}`)
    expect(arrived.map(({ bytes }) => bytes)).not.toContainEqual(expect.stringContaining('forged'))
  })

  test('in chunks does not end with an empty one', async () => {
    answer = () => {}
    const body: RequestBody = {
      length: undefined,
      start: into => {
        for (const chunk of ['a', '', 'b']) into.write(Buffer.from(chunk))
        into.end()
      },
      drained: () => {},
      stop: () => {},
      hasBrokenOff: () => false,
    }
    send({ method: 'POST', body })
    const sent = () => arrived.map(({ bytes }) => bytes).join('')
    while (!sent().endsWith('0\r\n\r\n')) await sleep(5)
    expect(sent().split('\r\n\r\n')[1]).toBe('1\r\na\r\n1\r\nb\r\n0')
  })

  test.each(['onBegan', 'onHead', 'onData', 'onPart', 'onEnd'])(
    'that goes wrong in %s takes nothing else with it',
    async name => {
      const goesWrong = () => {
        throw new Error('a fault of ours')
      }
      if (name === 'onPart') answer = socket => void socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const { outcome } = send({}, { [name]: goesWrong })
      if (name !== 'onEnd') expect(await outcome).toBe('failed: a fault of ours')
      await sleep(50)
      answer = socket => void socket.write(reply('ok'))
      expect(await send().outcome).toBe('ended: ok')
    },
  )

  test.each([
    ['no head within its time', ''],
    ['interim answers alone', 'HTTP/1.1 103 Early\r\n\r\n'],
  ])('with %s fails', async (_, bytes) => {
    answer = socket => {
      const more = setInterval(() => socket.write(bytes), 20)
      socket.on('close', () => clearInterval(more))
    }
    expect(await send({ timeout: 200 }).outcome).toBe('failed: it said nothing for too long')
  })

  test('whose answer stops fails, unless nobody reads it', async () => {
    const impatient = open(port, 200)
    answer = socket => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    expect(await send({}, {}, impatient).outcome).toBe('failed: it said nothing for too long')
    const paused = send({}, { onData: () => pauses(paused) }, impatient)
    expect(await Promise.race([paused.outcome, sleep(600, 'waits')])).toBe('waits')
    impatient.destroy()
    expect(await paused.outcome).toBe('failed: the connection was closed')
  })

  test('that has ended is nothing to the next one, whatever is asked of it', async () => {
    const own = open(port, 150)
    answer = socket => void socket.write(reply('one'))
    const one = send({}, {}, own)
    expect(await one.outcome).toBe('ended: one')
    answer = socket => void setTimeout(() => socket.write(reply('two')), 500)
    const two = send({}, {}, own)
    one.sending.resume()
    one.sending.pause()
    one.sending.abort(new Error('too late'))
    expect(await two.outcome).toBe('ended: two')
    own.destroy()
  })

  test('whose answer cannot be passed on fails with its connection', async () => {
    const onHead = () => {
      throw new Error('what is that')
    }
    const ends: string[] = []
    const told = {
      onHead,
      onData: () => ends.push('data') as never,
      onEnd: () => void ends.push('end'),
      onError: ({ message }: Error) => void ends.push(message),
    }
    send({}, told)
    while (ends.length < 1) await sleep(5)
    await sleep(50)
    expect([ends, sockets[0]?.destroyed]).toEqual([['what is that'], true])
  })

  test('that is given up hears nothing more of what came in the same piece', async () => {
    answer = socket =>
      void socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n',
      )
    const chunks: string[] = []
    const one = send(
      {},
      {
        onData: chunk => {
          chunks.push(String(chunk))
          one.sending.abort(new Error('enough'))
          return undefined
        },
      },
    )
    expect([await one.outcome, chunks]).toEqual(['failed: enough', ['a']])
  })
})

describe('what the chunks of an answer are in', () => {
  /** Chunks as they come, one at a time, each held as `holders` say. */
  async function chunksOf(bodies: readonly string[], holders: readonly (Holder | undefined)[]) {
    const chunks: Buffer[] = []
    let more = () => {}
    answer = socket => {
      more = () => void socket.write(bodies[chunks.length] ?? '')
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bodies.join('').length}\r\n\r\n`)
      more()
    }
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      if (chunks.length < bodies.length) more()
      return holders[chunks.length - 1]
    }
    await send({}, { onData }).outcome
    return chunks
  }

  test('is used again, where nobody holds it any more', async () => {
    const held: Holder = { holds: () => true }
    const free: Holder = { holds: () => false }
    const chunks = await chunksOf(['1', '2', '3', '4', '5'], [held, free, undefined, held, held])
    expect(chunks.map(String)).toEqual(['1', '4', '4', '4', '5'])
    expect(chunks[2]?.buffer).toBe(chunks[1]?.buffer)
    expect(chunks[3]?.buffer).toBe(chunks[1]?.buffer)
  })
  test('is asked for each time that it is needed', async () => {
    let isHeld = true
    const one: Holder = { holds: () => isHeld }
    const chunks = await chunksOf(['1', '2', '3', '4'], [one, { holds: () => true }, undefined])
    expect(chunks.map(String)).toEqual(['1', '2', '4', '4'])
    isHeld = false
    const more = await chunksOf(['5', '6'], [])
    expect(more.map(String)).toEqual(['6', '6'])
    expect(chunks.map(String)).toEqual(['1', '2', '4', '4'])
  })
})

test('connections that are retired end with their request, those of later ones after it', async () => {
  answer = () => {}
  const under = send()
  while (arrived.length < 1) await sleep(5)
  connections.retire()
  sockets[0]?.write(reply('ok'))
  expect(await under.outcome).toBe('ended: ok')
  await once(sockets[0] as Socket, 'close')
  answer = socket => void socket.write(reply('late'))
  expect(await send().outcome).toBe('ended: late')
  await once(sockets[1] as Socket, 'close')
})
