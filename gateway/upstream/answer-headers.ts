import { isHopByHop, nominated } from '../policy/header-names.ts'

/**
 * The headers of an upstream's answer as the caller gets them: unchanged and in order, hop-by-hop
 * headers aside, with the gateway's `X-Request-Id` and no other.
 *
 * @param headers names and values as they came
 */
export function answerHeaders(headers: readonly string[], requestId: string): string[] {
  const forThisHop = nominated(headers)
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const lower = name.toLowerCase()
    if (isHopByHop(lower) || lower === 'x-request-id' || forThisHop?.has(lower)) continue
    kept.push(name, headers[i + 1] as string)
  }
  kept.push('X-Request-Id', requestId)
  return kept
}

/** Whether the body has a transfer coding that nobody asked for: only the framing is taken off. */
export function isCoded(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 17 || name.toLowerCase() !== 'transfer-encoding') continue
    if (headers[i + 1]?.toLowerCase() !== 'chunked') return true
  }
  return false
}
