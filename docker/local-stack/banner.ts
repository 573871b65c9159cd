import { type Step, tour } from './commands.ts'
import type { Stack } from './stack.ts'

/** What the local stack prints when it is ready. */
export const banner = ({ demo, adminUrl, apiUrl }: Stack): string => `
The local stack runs. It is for trying things out, never for production.

  gateway      ${demo.gatewayUrl}
  its admin    ${adminUrl}
  legacy API   ${apiUrl}
  Feide        ${demo.feideUrl}   (a stand-in)

Paste these into another terminal, in this order. A JWT lives five minutes: when it is refused as
expired, repeat the step that got it.

${tour(demo).map(paragraph).join('\n\n')}

Ctrl-C stops everything. The gateway's log follows.

`

const paragraph = ({ title, command }: Step, index: number): string =>
  `# ${index + 1}. ${title}\n${command}`
