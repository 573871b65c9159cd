import { Command, InvalidArgumentError } from 'commander'
import { banner } from './banner.ts'
import { type Closers, type StackOptions, startStack } from './stack.ts'

const USAGE_ERROR = 2

const parsePort = (text: string): number => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535)
    throw new InvalidArgumentError('A port is a number from 1 to 65535.')
  return port
}

const readOptions = (): StackOptions => {
  const options = new Command('npm start --')
    .description('Runs the gateway on this machine, between a stand-in for Feide and a legacy API.')
    .option('--gateway-port <port>', 'where callers connect', parsePort, 8080)
    .option('--admin-port <port>', 'health, metrics and status', parsePort, 9090)
    .option('--feide-port <port>', 'the stand-in for Feide', parsePort, 7001)
    .option('--api-port <port>', 'the legacy API', parsePort, 3000)
    .option('--feide-yaml <file>', 'who exists at the stand-in for Feide, instead of the demo')
    .allowExcessArguments(false)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : USAGE_ERROR))
    .parse()
    .opts<Record<'gatewayPort' | 'adminPort' | 'feidePort' | 'apiPort', number> & FeideYaml>()
  const { gatewayPort, adminPort, feidePort, apiPort, feideYaml } = options
  const ports = { gateway: gatewayPort, admin: adminPort, feide: feidePort, api: apiPort }
  return { ports, feideYaml }
}

interface FeideYaml {
  readonly feideYaml?: string
}

/** How the local stack ends, and what to say about it. */
interface Ending {
  readonly status: number
  readonly why?: string
}

// Once and for all: npm passes a Ctrl-C on that the terminal has delivered already.
const signalled = (): Promise<Ending> =>
  new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => resolve({ status: 0 }))
    // `npm start | head`: nobody reads on, so nobody is there to press Ctrl-C either.
    process.stdout.on('error', () => resolve({ status: 0 }))
    if (process.env.npm_lifecycle_event) onOrphaned(() => resolve({ status: 0 }))
  })

// A SIGTERM to npm ends the shell that npm puts between and goes no further; that the parent is
// another one then is all that can be seen of it.
const onOrphaned = (end: () => void): void => {
  const parent = process.ppid
  setInterval(() => process.ppid !== parent && end(), 500)
}

/** Runs until the gateway ends by itself. */
const run = async (options: StackOptions, closers: Closers): Promise<Ending> => {
  const stack = await startStack(options, closers)
  const { ready, output, exited } = stack.gateway
  if (await ready) process.stdout.write(banner(stack))
  output.pipe(process.stdout)
  const status = await exited
  return { status, why: `the gateway ended with status ${status}` }
}

const failed = (error: unknown): Ending => ({
  status: 1,
  why: error instanceof Error ? error.message : String(error),
})

const options = readOptions()
const closers: Closers = []
const { status, why } = await Promise.race([signalled(), run(options, closers).catch(failed)])
if (why !== undefined) console.error(`local stack: ${why}`)
for (const close of closers.reverse()) await close()
process.exit(status)
