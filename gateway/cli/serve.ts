import type { ExitStatus } from '../commands/terminal.ts'
import { type CommandLine, DEFAULT_POLICY } from './command-line.ts'
import type { Outside } from './outside.ts'

export function declareServe({ program, fileOf, ...outside }: CommandLine): void {
  program
    .command('serve')
    .description('run the gateway')
    .option('-c, --config <file>', 'the policy file', DEFAULT_POLICY)
    .action(async ({ config }: { config: string }) => {
      // Not by itself: a reader of stdout that has stopped reading would keep the process for ever.
      outside.exit(await serveOrWork(fileOf(config), outside))
    })
}

/** A worker runs the same command as its primary process. */
async function serveOrWork(file: string, outside: Outside): Promise<ExitStatus> {
  const { version, signals, stdout, terminal, ignoreSignals } = outside
  const { primaryOf } = await import('../workers/processes.ts')
  const primary = primaryOf(terminal.env)
  if (!primary) {
    const { serve } = await import('../commands/serve.ts')
    return serve(file, version, signals, stdout, terminal)
  }
  // A terminal or a service manager tells all processes to stop; the primary decides what that means.
  ignoreSignals()
  const { runWorker } = await import('../workers/worker.ts')
  return runWorker({ primary, env: terminal.env, version, stdout })
}
