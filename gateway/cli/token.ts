import { Option } from 'commander'
import { SECRET_VARIABLE } from '../commands/terminal.ts'
import type { TokenOptions } from '../commands/token.ts'
import type { CommandLine } from './command-line.ts'

export function declareToken({ program, end, secretAsker, terminal }: CommandLine): void {
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
      const { token } = await import('../commands/token.ts')
      end(await token(options, secretAsker(), terminal))
    })
}
