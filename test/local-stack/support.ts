import { type ChildProcess, spawn } from 'node:child_process'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Milliseconds for something that has to happen, and for a test in which it does. */
const PATIENCE = 50_000
export const PATIENT = { testTimeout: 120_000, hookTimeout: 120_000 }

/** Of `docker/local-stack/feide.yaml`. */
export const AUDIENCE = 'https://n.feide.no/datasources/02d0f79b-7fbc-422b-bb31-a4d22121f040'
export const PLANNER = {
  id: '208335d4-e8c1-4910-8928-05b2e5b14127',
  secret: 'local-secret-of-the-study-planner',
}
export const CATALOGUE = {
  id: '7e0c8a35-2c5f-4c3e-9f0e-7a9a1d4b6c11',
  secret: 'local-secret-of-the-course-catalogue',
}
export const BJORN = '76a7a061-3c55-430d-8ee0-6f82ec42501f'

export type Form = Readonly<Record<string, string>>

export const EXCHANGE: Form = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  audience: AUDIENCE,
}

export const basic = ({ id, secret }: { id: string; secret: string }): string =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** Posts a form and reads the JSON answer. */
export const post = async (
  url: string,
  form: Form | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => {
  const response = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers,
  })
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, headers: response.headers, body }
}

/** Ports that nobody listens on, all different. */
export const freePorts = async (count: number): Promise<readonly number[]> => {
  const servers = await Promise.all(Array.from({ length: count }, () => occupy(0)))
  const ports = servers.map(portOf)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

export const occupy = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })

export const portOf = (server: Server): number => (server.address() as AddressInfo).port

export const isListening = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })

/** Asks every 50 ms; whether the answer was true in time, which on a loaded machine is long. */
export const eventually = async (
  holds: () => boolean | Promise<boolean>,
  milliseconds = PATIENCE,
): Promise<boolean> => {
  const end = Date.now() + milliseconds
  while (Date.now() < end) {
    if (await holds()) return true
    await sleep(50)
  }
  return false
}

export interface Process {
  readonly child: ChildProcess
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  stdout(): string
  stderr(): string
}

export const run = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Process => {
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const exited = new Promise<{ code: number | null; signal: string | null }>(resolve =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  )
  return { child, exited, stdout: () => stdout, stderr: () => stderr }
}

/** `npm start`, without npm between. */
export const runStack = (args: readonly string[]): Process =>
  run(process.execPath, ['docker/local-stack/main.ts', ...args])

/** Names in the order of the four options. */
export const portOptions = ([gateway, admin, feide, api]: readonly number[]): readonly string[] => [
  `--gateway-port=${gateway}`,
  `--admin-port=${admin}`,
  `--feide-port=${feide}`,
  `--api-port=${api}`,
]
