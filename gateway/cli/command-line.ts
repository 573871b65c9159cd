import { isAbsolute, relative, resolve } from 'node:path'
import { Command, CommanderError } from 'commander'
import type { ExitStatus } from '../commands/terminal.ts'
import type { Outside } from './outside.ts'

export const DEFAULT_POLICY = 'config/gateway.yaml'

/**
 * What the commands are declared with. The code of a command is loaded when it is asked for, and not
 * before: none waits for that of the others.
 */
export interface CommandLine extends Outside {
  readonly program: Command
  /** Makes what a command gives its exit status. */
  readonly end: (status: ExitStatus) => void
  readonly fileOf: (given: string) => string
}

export type Declare = (line: CommandLine) => void

/** Runs the command that is asked for, one of those that are declared. */
export async function runCommandLine(
  words: readonly string[],
  outside: Outside,
  declare: readonly Declare[],
): Promise<ExitStatus> {
  let status: ExitStatus = 0
  const program = new Command('feide-gateway')
    .description(
      "A gateway in front of an API that was built for Feide's API Gatekeeper: it validates " +
        'the JWT against a policy and sends the API the headers that it always had.',
    )
    .version(outside.version)
    .helpCommand(false)
    .showHelpAfterError('(--help shows what can be said)')
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', '\nExit status: 0 done, 1 the answer is no, 2 wrong usage.')
    .exitOverride()
  const end = (given: ExitStatus) => {
    status = given
  }
  const fileOf = (given: string) => fileFrom(given, outside)
  for (const one of declare) one({ ...outside, program, end, fileOf })
  try {
    await program.parseAsync(words)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : 2
  }
  return status
}

/**
 * `npm run gateway` runs in the folder of the package, whatever folder it was called in: a relative
 * file that was named is meant from there.
 */
function fileFrom(given: string, { terminal, folder }: Outside): string {
  const { INIT_CWD: caller, npm_lifecycle_event: script } = terminal.env
  const elsewhere = script === 'gateway' && caller !== undefined && caller !== folder()
  if (given === DEFAULT_POLICY || isAbsolute(given) || !elsewhere) return given
  return relative(folder(), resolve(caller, given))
}
