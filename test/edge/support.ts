import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { makeCertificate } from '../keys/certificate.ts'
import type { HeaderList } from '../support/wire.ts'
import { startWorld, type World } from '../support/world.ts'

/** One request over TLS, in either version of HTTP, with the same words for both. */

export type Version = 'HTTP/1.1' | 'HTTP/2'
export const VERSIONS: readonly Version[] = ['HTTP/1.1', 'HTTP/2']

export type Ask = {
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly host?: string
  readonly token?: string
  readonly body?: string | Buffer
}

export type Head = { readonly status: number; readonly headers: HeaderList }
export type Answer = Head & { readonly body: Buffer }

/** A request under way. */
export type Call = {
  readonly head: Promise<Head>
  /** The statuses of informational answers so far. */
  readonly informed: readonly number[]
  readonly body: Duplex | Promise<Readable>
  /** To write the body of the request to. */
  readonly out: NodeJS.WritableStream
  /** How it came to its end: whole, or broken off. */
  readonly end: Promise<'whole' | 'broken'>
  cancel(): void
}

const INSECURE = { rejectUnauthorized: false, servername: 'localhost' } as const

/** Begins a request; its body is written, and ended, by the caller. */
export function open(version: Version, port: number, ask: Ask, session?: ClientHttp2Session): Call {
  return version === 'HTTP/2' ? open2(port, ask, session) : open1(port, ask)
}

function fieldsOf({ headers = [], token }: Ask): [string, string][] {
  const fields = headers.map(([name, value]): [string, string] => [name, value])
  if (token !== undefined) fields.push(['authorization', `Bearer ${token}`])
  return fields
}

function open1(port: number, ask: Ask): Call {
  const { method = 'GET', path = '/', host = 'gateway.test' } = ask
  const fields = fieldsOf(ask)
  // Node frames no body of its own accord where a method has none by custom.
  const framed = method !== 'DELETE' ? [] : ['transfer-encoding', 'chunked']
  const headers = ['host', host, ...fields.flat(), ...framed]
  const to = { host: '127.0.0.1', port, agent: false, ALPNProtocols: ['http/1.1'], ...INSECURE }
  const out = httpsRequest({ ...to, method, path, headers })
  const informed: number[] = []
  out.on('information', ({ statusCode }) => informed.push(statusCode))
  const response = new Promise<Readable & { statusCode?: number; rawHeaders: string[] }>(
    (resolve, reject) => {
      out.once('response', resolve)
      out.once('error', reject)
    },
  )
  response.catch(() => {})
  // A connection that is cut behind the answer is no fault of it.
  out.on('error', () => {})
  const end = response.then(
    incoming =>
      new Promise<'whole' | 'broken'>(resolve => {
        incoming.on('error', () => {})
        incoming.once('end', () => resolve('whole'))
        incoming.once('close', () => resolve('broken'))
      }),
    () => 'broken' as const,
  )
  return {
    head: quiet(
      response.then(({ statusCode = 0, rawHeaders }) => ({
        status: statusCode,
        headers: pairs(rawHeaders),
      })),
    ),
    informed,
    body: quiet(response),
    out,
    end,
    cancel: () => void out.destroy(),
  }
}

function open2(port: number, ask: Ask, given?: ClientHttp2Session): Call {
  const { method = 'GET', path = '/', host = 'gateway.test' } = ask
  const session = given ?? openSession(port)
  const list = [':method', method, ':scheme', 'https', ':authority', host, ':path', path]
  const fields = fieldsOf(ask).flatMap(([name, value]) => [name.toLowerCase(), value])
  const leaving = new AbortController()
  const { signal } = leaving
  const stream = session.request([...list, ...fields], { endStream: false, signal })
  const informed: number[] = []
  stream.on('headers', headers => informed.push(Number(headers[':status'])))
  const head = new Promise<Head>((resolve, reject) => {
    stream.once('response', (_headers, _flags, raw: string[]) => {
      const [[, status = ''] = [], ...headers] = pairs(raw)
      resolve({ status: Number(status), headers })
    })
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('no answer')))
  })
  const end = new Promise<'whole' | 'broken'>(resolve => {
    stream.once('end', () => resolve(stream.rstCode === 0 ? 'whole' : 'broken'))
    stream.once('close', () => resolve('broken'))
  })
  stream.on('error', () => {})
  if (!given) stream.once('close', () => session.close())
  return {
    head: quiet(head),
    informed,
    body: stream,
    out: stream,
    end,
    // Node's `close` would end the body first.
    cancel: () => leaving.abort(),
  }
}

export function openSession(port: number): ClientHttp2Session {
  // Two of a header that should be there once are for the gateway to judge.
  const lax = { strictSingleValueFields: false }
  const session = connect(`https://127.0.0.1:${port}`, { ...INSECURE, ...lax })
  session.on('error', () => {})
  return session
}

/** A promise that nobody need wait for. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

const pairs = (raw: readonly string[]): HeaderList =>
  Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? '', raw[2 * i + 1] ?? ''])

/** One request and its whole answer. */
export async function ask(
  version: Version,
  port: number,
  parts: Ask,
  session?: ClientHttp2Session,
): Promise<Answer> {
  const call = open(version, port, parts, session)
  call.out.end(parts.body ?? '')
  const [head, body] = await Promise.all([call.head, call.body])
  const chunks: Buffer[] = []
  body.on('data', chunk => chunks.push(chunk))
  if ((await call.end) === 'broken') throw new Error(`the answer broke off: ${head.status}`)
  return { ...head, body: Buffer.concat(chunks) }
}

/** The values of one header of an answer. */
export const valuesOf = ({ headers }: Head, name: string): string[] =>
  headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)

/** The files of a certificate that can be exchanged; at first it is the one of `first.test`. */
export function certificateFiles() {
  const made = { first: makeCertificate('first.test'), second: makeCertificate('second.test') }
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-tls-'))
  const tls = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
  const show = (which: keyof typeof made) => {
    copyFileSync(made[which].key, tls.key)
    copyFileSync(made[which].cert, tls.cert)
  }
  show('first')
  const remove = () => {
    for (const one of Object.values(made)) one.remove()
    rmSync(directory, { recursive: true })
  }
  return { tls, show, remove }
}

/** A gateway with TLS, its upstream and its issuer, for the tests of one block. */
export function tlsWorld(overrides: Record<string, unknown> = {}): () => World {
  let world: World | undefined
  let certificate: ReturnType<typeof makeCertificate> | undefined
  beforeAll(async () => {
    certificate = makeCertificate()
    const { cert, key } = certificate
    world = await startWorld({ ...overrides, tls: { cert, key } })
  })
  beforeEach(() => world?.upstream.reset())
  afterAll(async () => {
    const exit = await world?.gateway.stop().finally(async () => {
      await Promise.all([world?.upstream.close(), world?.issuer.close()])
      certificate?.remove()
    })
    if (exit !== 0) throw new Error(`the gateway ended with ${exit}`)
  })
  return () => {
    if (world === undefined) throw new Error('the world is not up')
    return world
  }
}

/** Connections that the process on a port of this machine has open. */
export function connectionsOn(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
  const LISTENING = '0A'
  return lines
    .map(line => line.trim().split(/\s+/))
    .filter(([, from, , state, , , , , , inode]) => {
      // What the kernel alone still knows of has no inode.
      return from === local && state !== LISTENING && inode !== '0'
    }).length
}

export async function until(holds: () => boolean | Promise<boolean>, limit = 15_000) {
  for (const end = Date.now() + limit; Date.now() < end; await sleep(10)) {
    if (await holds()) return true
  }
  return holds()
}
