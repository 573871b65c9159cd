import type { KeysAction } from '../commands/keys.ts'
import { type CommandLine, DEFAULT_POLICY } from './command-line.ts'

export function declareKeys({ program, end, fileOf, terminal }: CommandLine): void {
  const command = program
    .command('keys')
    .description("show the issuer's key set as the running gateway has it, or as Redis has it")
    .option('-c, --config <file>', 'the policy file', DEFAULT_POLICY)
    .action(() => run({ does: 'show' }))

  command
    .command('refresh')
    .description('fetch the key set now, for all gateways that share the Redis (needs `redis`)')
    .action(() => run({ does: 'refresh' }))

  command
    .command('distrust')
    .description('refuse every token signed with a key, until it is trusted again (needs `redis`)')
    .argument('<kid>', 'the id of the key')
    .action((kid: string) => run({ does: 'distrust', kid }))

  command
    .command('trust')
    .description('take a distrust back (needs `redis`)')
    .argument('<kid>', 'the id of the key')
    .action((kid: string) => run({ does: 'trust', kid }))

  async function run(action: KeysAction) {
    const { config } = command.opts<{ config: string }>()
    const { keys } = await import('../commands/keys.ts')
    end(await keys(fileOf(config), action, terminal))
  }
}
