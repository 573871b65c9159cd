import { systemClock } from '../edge/clock.ts'
import { keySetFetcher } from '../edge/issuer.ts'
import { parseAddress } from '../explain/asked.ts'
import { decideOn } from '../explain/decide.ts'
import { asJson, withoutSecrets } from '../explain/decision.ts'
import type { Policy } from '../policy/policy.ts'
import { createKeys } from '../token/keys.ts'
import type { FindKey } from '../token/verify.ts'
import { loadFor } from './check.ts'
import { asText } from './decision.ts'
import { decidingLine, hintsFor } from './hints.ts'
import type { ExitStatus, Terminal } from './terminal.ts'
import { readClaims, readHeader } from './words.ts'

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
  const claims = readClaims(options.claims)
  const address = parseAddress(url)
  const headers = options.header.map(readHeader)
  const wrong =
    (claims instanceof Error && claims) ||
    (address instanceof Error && address) ||
    headers.find(header => header instanceof Error)
  if (wrong instanceof Error || claims instanceof Error || address instanceof Error) {
    terminal.err(`error: ${(wrong as Error).message}`)
    return 2
  }
  const loaded = loadFor(file, terminal)
  if (!loaded) return 1
  const { policy } = loaded
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
  else {
    const hints = hintsFor(decision, policy, { method, target: address.target })
    const told = { file, line: decidingLine(decision, loaded), hints }
    for (const line of asText(shown, told, terminal)) terminal.out(line)
  }
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
      fetcher.close()
    }
  }
