import { loadFor } from './check.ts'
import { asJson, asText, withoutSecrets } from './decision.ts'
import { decidingLine, hintsFor } from './hints.ts'
import { believing, decideOn, rawRequest, unsignedToken, verifying } from './judge.ts'
import type { ExitStatus, Terminal } from './terminal.ts'
import { parseClaims, parseHeader, parseUrl } from './words.ts'

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
  const claims = parseClaims(options.claims)
  const address = parseUrl(url)
  const headers = options.header.map(parseHeader)
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
  const bearer = options.token ?? (claims && unsignedToken(claims, policy))
  const raw = rawRequest(policy, {
    method,
    address,
    bearer,
    headers: (headers as string[][]).flat(),
  })
  const decision = await decideOn(policy, raw, claims ? believing(policy) : verifying(policy))
  const shown = options.showSecrets ? decision : withoutSecrets(decision)
  if (options.json) terminal.out(JSON.stringify(asJson(shown), null, 2))
  else {
    const hints = hintsFor(decision, policy, raw)
    const told = { file, line: decidingLine(decision, loaded), hints }
    for (const line of asText(shown, told, terminal)) terminal.out(line)
  }
  return decision.denial ? 1 : 0
}
