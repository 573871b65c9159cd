import { InvalidArgumentError, Option } from 'commander'
import type { TestOptions } from '../commands/test.ts'
import type { CommandLine } from './command-line.ts'

type TestFlags = TestOptions & { readonly config?: string }

export function declareTest({ program, end, fileOf, terminal }: CommandLine): void {
  program
    .command('test')
    .description('run test files against their policies, offline, through the gate that decides')
    .argument('<files...>', 'files with cases, such as config/gateway.test.yaml')
    .option('--policy <file>', 'the policy file, instead of those that the test files name')
    .addOption(new Option('--config <file>', 'the same').hideHelp())
    .option('--fail-under <percent>', 'fail where the cases show less of the policy', percent)
    .option(
      '--mutate',
      'take one thing after the other out of the policy: a case must notice',
      false,
    )
    .option('--junit <file>', "write the results as JUnit's XML, for CI")
    .action(async (files: string[], { config, ...options }: TestFlags) => {
      const policy = options.policy ?? config
      const named = policy === undefined ? {} : { policy: fileOf(policy) }
      const junit = options.junit === undefined ? {} : { junit: fileOf(options.junit) }
      const { test } = await import('../commands/test.ts')
      end(await test(files.map(fileOf), { ...options, ...named, ...junit }, terminal))
    })
}

function percent(value: string): number {
  if (/^\d{1,3}$/.test(value) && Number(value) <= 100) return Number(value)
  throw new InvalidArgumentError('Expected a whole number from 0 to 100.')
}
