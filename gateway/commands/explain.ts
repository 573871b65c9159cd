import { systemClock } from '../edge/clock.ts'
import { keySetFetcher } from '../edge/issuer.ts'
import { parseAddress, parseClaims } from '../explain/asked.ts'
import { decideOn } from '../explain/decide.ts'
import { asJson, withoutSecrets } from '../explain/decision.ts'
import type { Policy } from '../policy/policy.ts'
import { createKeys } from '../token/keys.ts'
import type { FindKey } from '../token/verify.ts'
import { policyFor } from './check.ts'
import { asText } from './decision.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

export interface ExplainOptions {
  readonly token?: string
  readonly claims?: string
  readonly header: readonly string[]
  readonly json: boolean
  readonly showSecrets: boolean
}

/** `explain [FILE] METHOD URL`: what would happen with one request, why, and what the upstream would see. */
export async function explain(
  file: string,
  method: string,
  url: string,
  options: ExplainOptions,
  terminal: Terminal,
): Promise<ExitStatus> {
  const claims = claimsOf(options)
  const address = parseAddress(url)
  const headers = options.header.map(parseHeader)
  const wrong =
    (claims instanceof Error && claims) ||
    (address instanceof Error && address) ||
    headers.find(header => header instanceof Error)
  if (wrong instanceof Error || claims instanceof Error || address instanceof Error) {
    terminal.err(`error: ${(wrong as Error).message}`)
    return 2
  }
  const policy = policyFor(file, terminal)
  if (!policy) return 1
  const asked = {
    method,
    address,
    headers: (headers as string[][]).flat(),
    token: options.token,
    claims,
  }
  const decision = await decideOn(policy, asked, fetchedKey(policy))
  const shown = options.showSecrets ? decision : withoutSecrets(decision)
  if (options.json) terminal.out(JSON.stringify(asJson(shown), null, 2))
  else for (const line of asText(shown, file, terminal)) terminal.out(line)
  return decision.denial ? 1 : 0
}

/** Real tokens are verified with the issuer's keys, fetched once somebody needs one. */
const fetchedKey =
  ({ issuer, keys: times }: Policy): FindKey =>
  async (kid, alg) => {
    const fetcher = keySetFetcher(issuer)
    const keys = createKeys({ fetchKeySet: fetcher, clock: systemClock }, times)
    try {
      await keys.refresh()
      return await keys.find(kid, alg)
    } finally {
      keys.stop()
      await fetcher.close()
    }
  }

function claimsOf({ claims: text }: ExplainOptions): object | undefined | Error {
  if (text === undefined) return undefined
  const expected = '--claims: expected a JSON object such as {"sub":"…","client_id":"…"}'
  return parseClaims(text) ?? new Error(expected)
}

function parseHeader(text: string): string[] | Error {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? []
  return name === undefined
    ? new Error(`--header: expected Name: value, got ${text}`)
    : [name, value ?? '']
}
