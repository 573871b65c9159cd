import type { Command } from 'commander'
import type { ExplainOptions } from '../commands/explain.ts'
import { type CommandLine, DEFAULT_POLICY } from './command-line.ts'

export function declareExplain({ program, end, fileOf, terminal }: CommandLine): void {
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
    .action(async (words: string[], options: ExplainOptions, command: Command) => {
      const [file, method, url] = words.length === 2 ? [DEFAULT_POLICY, ...words] : words
      if (words.length > 3 || !file || !url || !/^[A-Za-z-]+$/.test(method ?? '')) {
        command.error(`error: expected [file] METHOD URL, got ${words.join(' ')}`)
      } else if (options.token !== undefined && options.claims !== undefined) {
        command.error('error: expected either --token or --claims')
      } else {
        const { explain } = await import('../commands/explain.ts')
        end(await explain(fileOf(file), method as string, url, options, terminal))
      }
    })
}

function collect(value: string, before: string[]): string[] {
  return [...before, value]
}
