#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type CheckOptions, check } from './commands/check.ts'
import { explain } from './commands/explain.ts'
import { type KeysAction, keys } from './commands/keys.ts'
import { routes } from './commands/routes.ts'
import { schema } from './commands/schema.ts'
import { serve } from './commands/serve.ts'
import type { ExitStatus, Terminal } from './commands/terminal.ts'
import { type TestOptions, test } from './commands/test.ts'
import { SECRET_VARIABLE, type TokenOptions, token } from './commands/token.ts'
import { type Primary, primaryOf } from './workers/processes.ts'
import { runWorker } from './workers/worker.ts'

/** The command line; the only file that touches the process. */

const DEFAULT_POLICY = 'config/gateway.yaml'

/**
 * `npm run gateway` runs in the folder of the package, whatever folder it was called in: a relative
 * file that was named is meant from there.
 */
function fileOf(given: string): string {
  const { INIT_CWD: caller, npm_lifecycle_event: script } = process.env
  const elsewhere = script === 'gateway' && caller !== undefined && caller !== process.cwd()
  if (given === DEFAULT_POLICY || isAbsolute(given) || !elsewhere) return given
  return relative(process.cwd(), resolve(caller, given))
}

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string }

const terminal: Terminal = {
  out: text => void process.stdout.write(`${text}\n`),
  err: text => void process.stderr.write(`${text}\n`),
  env: process.env,
  colours: process.stdout.isTTY === true && process.stdout.hasColors(),
}

// A reader that has seen enough, such as `head`, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const signals = {
  onReload: (run: () => void) => void process.on('SIGHUP', run),
  onStop: (run: () => void) => {
    process.on('SIGTERM', run)
    process.on('SIGINT', run)
  },
  exitNow: (status: 1) => process.exit(status),
  onExit: (run: () => void) => void process.on('exit', run),
}

/** A terminal or a service manager tells all processes to stop; the primary decides what that means. */
function runAsWorker(primary: Primary): Promise<ExitStatus> {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  return runWorker({ primary, env: process.env, version, stdout: process.stdout })
}

let status: ExitStatus = 0

const program = new Command('feide-gateway')
  .description(
    "A gateway in front of an API that was built for Feide's API Gatekeeper: it validates " +
      'the JWT against a policy and sends the API the headers that it always had.',
  )
  .version(version)
  .helpCommand(false)
  .showHelpAfterError('(--help shows what can be said)')
  .configureHelp({ showGlobalOptions: false })
  .addHelpText('after', '\nExit status: 0 done, 1 the answer is no, 2 wrong usage.')
  .exitOverride()

program
  .command('serve')
  .description('run the gateway')
  .option('-c, --config <file>', 'the policy file', DEFAULT_POLICY)
  .action(async ({ config }: { config: string }) => {
    const primary = primaryOf(process.env)
    status = primary
      ? await runAsWorker(primary)
      : await serve(fileOf(config), version, signals, process.stdout, terminal)
    // Not by itself: a reader of stdout that has stopped reading would keep the process for ever.
    process.exit(status)
  })

program
  .command('check')
  .description('print every error and warning of a policy; nothing is started')
  .argument('[file]', 'the policy file', DEFAULT_POLICY)
  .option('--strict', 'take warnings for errors', false)
  .addOption(
    new Option('--format <format>', 'text for people, json for editors, github for its Actions')
      .choices(['text', 'json', 'github'])
      .default('text'),
  )
  .addOption(new Option('--json', 'as JSON').implies({ format: 'json' }))
  .action((file: string, options: CheckOptions) => {
    status = check(fileOf(file), terminal, options)
  })

program
  .command('routes')
  .description('print the table of routes, in match order')
  .argument('[file]', 'the policy file', DEFAULT_POLICY)
  .option('--json', 'as JSON', false)
  .action((file: string, options: { json: boolean }) => {
    status = routes(fileOf(file), options, terminal)
  })

program
  .command('explain')
  .description('show the decision on one request, why, and what the API would see')
  .usage('[options] [file] METHOD URL')
  .argument(
    '<words...>',
    `METHOD and URL (or a path); before them a policy file (default ${DEFAULT_POLICY})`,
  )
  .option(
    '--token <jwt>',
    'the token that comes with the request; keys are fetched from the issuer',
  )
  .option('--claims <json>', 'the claims of a token, believed without a signature; works offline')
  .option('-H, --header <line>', 'a further header of the request; may be repeated', collect, [])
  .option('--json', 'as JSON', false)
  .option('--show-secrets', 'show the Authorization header that the API would see', false)
  .addHelpText(
    'after',
    '\nClaims that every token has (iss, aud, iat, nbf, exp) are filled in where --claims leaves them out.\n' +
      '\nExample:\n  feide-gateway explain GET /courses --claims \'{"sub":"u","client_id":"c","scope":"read"}\'',
  )
  .action(async (words: string[], options: ExplainFlags, command: Command) => {
    const [file, method, url] = words.length === 2 ? [DEFAULT_POLICY, ...words] : words
    if (words.length > 3 || !file || !url || !/^[A-Za-z-]+$/.test(method ?? '')) {
      command.error(`error: expected [file] METHOD URL, got ${words.join(' ')}`)
    } else if (options.token !== undefined && options.claims !== undefined) {
      command.error('error: expected either --token or --claims')
    } else {
      status = await explain(fileOf(file), method as string, url, options, terminal)
    }
  })

program
  .command('test')
  .description('run test files against their policies, offline, through the gate that decides')
  .argument('<files...>', 'files with cases, such as config/gateway.test.yaml')
  .option('--policy <file>', 'the policy file, instead of those that the test files name')
  .addOption(new Option('--config <file>', 'the same').hideHelp())
  .option('--fail-under <percent>', 'fail where the cases show less of the policy', percent)
  .option('--mutate', 'take one thing after the other out of the policy: a case must notice', false)
  .option('--junit <file>', "write the results as JUnit's XML, for CI")
  .action(async (files: string[], { config, ...options }: TestFlags) => {
    const policy = options.policy ?? config
    const named = policy === undefined ? {} : { policy: fileOf(policy) }
    const junit = options.junit === undefined ? {} : { junit: fileOf(options.junit) }
    status = await test(files.map(fileOf), { ...options, ...named, ...junit }, terminal)
  })

program
  .command('schema')
  .description('print the JSON Schema of the policy file, or of test files, for editors')
  .addArgument(
    new Argument('[kind]', 'of which file').choices(['policy', 'test']).default('policy'),
  )
  .action((kind: 'policy' | 'test') => {
    status = schema(kind, terminal)
  })

program
  .command('token')
  .description('get a JWT for a data source: client credentials or a login, then token exchange')
  .requiredOption('--client-id <id>', 'the client as registered with Feide')
  .requiredOption('--audience <uri>', 'the data source: https://n.feide.no/datasources/<id>')
  .option('--scope <scopes>', 'space separated; without it all that the client may have')
  .option('--subject-token <token>', 'an opaque access token to exchange, of a user for example')
  .option('--login', 'a person logs in with a browser, and the token speaks for them', false)
  .option('--login-scope <scopes>', 'what the person is asked for', 'openid')
  .option(
    '--redirect-port <port>',
    'the client is registered with http://127.0.0.1:<port>/callback',
    '8765',
  )
  .option('--issuer <url>', 'whom to ask', 'https://auth.dataporten.no')
  .addOption(
    new Option('--client-auth <method>', 'how the secret is sent')
      .choices(['basic', 'body'])
      .default('basic'),
  )
  .option('--decode', 'print the claims instead', false)
  .option('--curl [url]', 'print a curl command instead (default: the gateway on this machine)')
  .addHelpText('after', `\nThe client's secret is read from ${SECRET_VARIABLE}, or asked for.`)
  .action(async (options: TokenOptions) => {
    status = await token(options, process.stdin.isTTY ? askSecret : undefined, terminal)
  })

/** Asks on the terminal, and shows nothing of the answer. */
async function askSecret(): Promise<string> {
  process.stderr.write('Client secret: ')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const prompt = createInterface({ input: process.stdin, output: silent, terminal: true })
  const secret = await prompt.question('')
  prompt.close()
  process.stderr.write('\n')
  return secret
}

const keysCommand = program
  .command('keys')
  .description("show the issuer's key set as the running gateway has it, or as Redis has it")
  .option('-c, --config <file>', 'the policy file', DEFAULT_POLICY)
  .action(() => runKeys({ does: 'show' }))

keysCommand
  .command('refresh')
  .description('fetch the key set now, for all gateways that share the Redis (needs `redis`)')
  .action(() => runKeys({ does: 'refresh' }))

keysCommand
  .command('distrust')
  .description('refuse every token signed with a key, until it is trusted again (needs `redis`)')
  .argument('<kid>', 'the id of the key')
  .action((kid: string) => runKeys({ does: 'distrust', kid }))

keysCommand
  .command('trust')
  .description('take a distrust back (needs `redis`)')
  .argument('<kid>', 'the id of the key')
  .action((kid: string) => runKeys({ does: 'trust', kid }))

async function runKeys(action: KeysAction) {
  const { config } = keysCommand.opts<{ config: string }>()
  status = await keys(fileOf(config), action, terminal)
}

interface ExplainFlags {
  readonly token?: string
  readonly claims?: string
  readonly header: string[]
  readonly json: boolean
  readonly showSecrets: boolean
}

type TestFlags = TestOptions & { readonly config?: string }

function percent(value: string): number {
  if (/^\d{1,3}$/.test(value) && Number(value) <= 100) return Number(value)
  throw new InvalidArgumentError('Expected a whole number from 0 to 100.')
}

function collect(value: string, before: string[]): string[] {
  return [...before, value]
}

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  status = error.exitCode === 0 ? 0 : 2
}
process.exitCode = status
