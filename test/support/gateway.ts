import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { expectNothingPrivate } from './private.ts'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const NODE = join(ROOT, 'node_modules/.bin/node')
const MAIN = 'gateway/main.ts'
const START_TIMEOUT = 60_000
const STOP_TIMEOUT = 15_000

export type LogLine = Record<string, unknown>

export type Gateway = {
  readonly port: number
  /** 0 where the policy says `admin: off`. */
  readonly adminPort: number
  readonly pid: number
  readonly policyFile: string
  /** Every JSON line of stdout so far. */
  readonly logs: LogLine[]
  readonly logText: string
  readonly errorText: string
  /** The exit status, once there is one. */
  readonly exited: Promise<number | null>
  fetch(path: string, init?: RequestInit): Promise<Response>
  admin(path: string, init?: RequestInit): Promise<Response>
  /** The first line that fits, now or within the time (default 5 s). */
  waitForLog(fits: (line: LogLine) => boolean, timeout?: number): Promise<LogLine>
  /** Writes another policy into the file; a reload follows by itself or by `signal('SIGHUP')`. */
  writePolicy(text: string): void
  signal(name: NodeJS.Signals): void
  /** SIGTERM, waits, cleans up; the exit status. */
  stop(): Promise<number | null>
}

export type GatewayOptions = {
  readonly env?: Record<string, string>
  /** The program, in the root of the project; default the source. */
  readonly program?: string
  /** Further arguments after `serve --config FILE`. */
  readonly args?: readonly string[]
  /** In a process group of its own. */
  readonly group?: boolean
}

export type Result = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export type CliOptions = {
  readonly env?: Record<string, string>
  readonly stdin?: string
  readonly cwd?: string
  /** Milliseconds, default 20 s. */
  readonly timeout?: number
}

/** Starts the real gateway as a process and waits until it listens. */
export async function startGateway(policy: string, options: GatewayOptions = {}): Promise<Gateway> {
  const { directory, file } = writeTemporary(policy)
  const running = run(['serve', '--config', file, ...(options.args ?? [])], options)
  const remove = () => rmSync(directory, { recursive: true, force: true })
  const wanted = parse(policy)?.admin === 'off' ? ['gateway'] : ['gateway', 'admin']
  const ports = await portsOf(running, wanted).catch((error: unknown) => {
    running.child.kill('SIGKILL')
    remove()
    throw error
  })

  let userid = namesUsers(policy)
  const texts: [where: string, text: Promise<string>][] = []
  const gateway: Gateway = {
    port: ports.gateway ?? 0,
    adminPort: ports.admin ?? 0,
    pid: running.child.pid ?? 0,
    policyFile: file,
    get logs() {
      return linesOf(running.stdout)
    },
    get logText() {
      return running.stdout
    },
    get errorText() {
      return running.stderr
    },
    exited: running.exited,
    fetch: async (path, init) => {
      const answer = await fetch(`http://127.0.0.1:${gateway.port}${path}`, init)
      if (isProblem(answer)) texts.push([`the answer to ${path}`, answer.clone().text()])
      return answer
    },
    admin: async (path, init) => {
      const answer = await fetch(`http://127.0.0.1:${gateway.adminPort}${path}`, init)
      if (TELLING.has(path)) texts.push([path, answer.clone().text()])
      return answer
    },
    waitForLog: (fits, timeout = 5000) =>
      until(
        timeout,
        () => gateway.logs.find(fits),
        () => `no such log line:\n${running.stdout}`,
      ),
    writePolicy: text => {
      userid ||= namesUsers(text)
      writeFileSync(file, text)
    },
    signal: name => void running.child.kill(name),
    async stop() {
      running.child.kill('SIGTERM')
      const late = sleep(STOP_TIMEOUT, 'late' as const, { ref: false })
      const code = await Promise.race([running.exited, late])
      if (code === 'late') running.child.kill('SIGKILL')
      remove()
      if (code === 'late') throw new Error(`the gateway did not stop:\n${running.stdout}`)
      expectNothingPrivate('the log of the gateway', running.stdout, { userid })
      expectNothingPrivate('the stderr of the gateway', running.stderr)
      for (const [where, text] of texts) expectNothingPrivate(where, await text.catch(() => ''))
      return code
    },
  }
  return gateway
}

/** What the admin address tells everybody who asks. */
const TELLING = new Set(['/healthz', '/readyz', '/metrics', '/status'])

const isProblem = ({ headers }: Response) =>
  headers.get('content-type')?.startsWith('application/problem+json') === true

/** Whether lines of the log may say who the user is; nothing else ever may. */
function namesUsers(policy: string): boolean {
  try {
    return parse(policy)?.log?.userid === true
  } catch {
    return false
  }
}

/** Expects `serve` to give up; the file's path is cut to `policy.yaml` in what it printed. */
export async function startFailing(policy: string, options: GatewayOptions = {}): Promise<Result> {
  const { directory, file } = writeTemporary(policy)
  try {
    const result = await cli(['serve', '--config', file], options)
    const short = (text: string) => text.replaceAll(`${directory}/`, '')
    return { code: result.code, stdout: short(result.stdout), stderr: short(result.stderr) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Runs another command to its end. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<Result> {
  const running = run(args, options)
  running.child.stdin?.on('error', () => {})
  running.child.stdin?.end(options.stdin ?? '')
  const timeout = options.timeout ?? 20_000
  const code = await Promise.race([running.exited, sleep(timeout, 'late' as const, { ref: false })])
  if (code === 'late') {
    running.child.kill('SIGKILL')
    throw new Error(`${args.join(' ')} did not end:\n${running.stdout}${running.stderr}`)
  }
  return { code, stdout: running.stdout, stderr: running.stderr }
}

/** A directory with the policy in it, for commands that read one. */
export function writeTemporary(policy: string): { directory: string; file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-'))
  const file = join(directory, 'policy.yaml')
  writeFileSync(file, policy)
  return { directory, file }
}

type RunOptions = {
  readonly env?: Record<string, string>
  readonly program?: string
  readonly cwd?: string
  readonly group?: boolean
}

type Running = {
  readonly child: ChildProcess
  stdout: string
  stderr: string
  readonly exited: Promise<number | null>
}

/** Ends a process as soon as this one is gone, however it went: its end of the pipe closes then. */
function guard(child: ChildProcess): void {
  const script = 'read -r line; kill -9 "$1"'
  const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore']
  const watch = spawn('sh', ['-c', script, 'sh', String(child.pid)], { stdio })
  watch.on('error', () => {})
  watch.stdin.on('error', () => {})
  child.on('exit', () => watch.kill('SIGKILL'))
}

function run(
  args: readonly string[],
  { env = {}, cwd = ROOT, group = false, program = MAIN }: RunOptions,
): Running {
  const full = { ...process.env, ...env }
  const child = spawn(NODE, [join(ROOT, program), ...args], { cwd, env: full, detached: group })
  guard(child)
  const exited = new Promise<number | null>(resolve => child.on('close', code => resolve(code)))
  const running: Running = { child, stdout: '', stderr: '', exited }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    running.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    running.stderr += text
  })
  return running
}

async function portsOf(running: Running, wanted: readonly string[]) {
  let over = false
  void running.exited.then(() => {
    over = true
  })
  const said = () => `the gateway did not start:\n${running.stdout}${running.stderr}`
  return until(
    START_TIMEOUT,
    () => {
      if (over) throw new Error(said())
      const ports = listeningPorts(running.stdout)
      return wanted.every(name => ports[name] !== undefined) ? ports : undefined
    },
    said,
  )
}

function listeningPorts(text: string): Record<string, number> {
  const pretty = [...text.matchAll(/ listening listener=(\w+) address=\S+ port=(\d+)\n/g)]
  if (pretty.length > 0) {
    return Object.fromEntries(pretty.map(([, name = '', port]) => [name, Number(port)]))
  }
  const lines = linesOf(text).filter(line => line.msg === 'listening')
  return Object.fromEntries(lines.map(line => [String(line.listener), Number(line.port)]))
}

function linesOf(text: string): LogLine[] {
  return text.split('\n').slice(0, -1).flatMap(lineOf)
}

function lineOf(text: string): LogLine[] {
  try {
    return [JSON.parse(text)]
  } catch {
    return []
  }
}

async function until<T>(timeout: number, look: () => T | undefined, fault: () => string) {
  const deadline = Date.now() + timeout
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(fault())
    await sleep(10)
  }
}
