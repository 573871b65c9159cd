import type { DiffOptions } from '../commands/diff.ts'
import type { CommandLine } from './command-line.ts'

export function declareDiff({ program, end, fileOf, stdin, terminal }: CommandLine): void {
  program
    .command('diff')
    .description('list what becomes allowed or refused from one policy to another')
    .argument('<old>', 'the policy file in force')
    .argument('<new>', 'the one that is to take its place')
    .option(
      '--log <file>',
      "count the requests of the gateway's log that it would have touched; - for stdin",
    )
    .option('--json', 'as JSON', false)
    .addHelpText(
      'after',
      '\nExit status: 0 no difference in access, 1 there is one, 2 wrong usage.',
    )
    .action(async (old: string, next: string, { log, ...options }: DiffOptions) => {
      const { diff } = await import('../commands/diff.ts')
      const named = log === undefined ? {} : { log: log === '-' ? log : fileOf(log) }
      end(await diff([fileOf(old), fileOf(next)], { ...options, ...named }, terminal, stdin))
    })
}
