import { Argument, Option } from 'commander'
import type { CheckOptions } from '../commands/check.ts'
import { type CommandLine, DEFAULT_POLICY } from './command-line.ts'

/** The commands that look at a policy and do no more. */
export function declareCheck({ program, end, fileOf, terminal }: CommandLine): void {
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
    .action(async (file: string, options: CheckOptions) => {
      const { check } = await import('../commands/check.ts')
      end(check(fileOf(file), terminal, options))
    })
}

export function declareRoutes({ program, end, fileOf, terminal }: CommandLine): void {
  program
    .command('routes')
    .description('print the table of routes, in match order')
    .argument('[file]', 'the policy file', DEFAULT_POLICY)
    .option('--json', 'as JSON', false)
    .action(async (file: string, options: { json: boolean }) => {
      const { routes } = await import('../commands/routes.ts')
      end(routes(fileOf(file), options, terminal))
    })
}

export function declareSchema({ program, end, terminal }: CommandLine): void {
  program
    .command('schema')
    .description('print the JSON Schema of the policy file, or of test files, for editors')
    .addArgument(
      new Argument('[kind]', 'of which file').choices(['policy', 'test']).default('policy'),
    )
    .action(async (kind: 'policy' | 'test') => {
      const { schema } = await import('../commands/schema.ts')
      end(schema(kind, terminal))
    })
}
