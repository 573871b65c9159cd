import { isHopByHop, nominated } from '../policy/header-names.ts'

/**
 * The headers of an upstream's answer as the caller gets them: unchanged and in order, hop-by-hop
 * headers aside, with the gateway's `X-Request-Id` and no other.
 *
 * Throws where the body has a transfer coding that nobody asked for.
 *
 * @param raw names and values as they came
 */
export function answerHeaders(raw: readonly (Buffer | string)[], requestId: string): string[] {
  const headers: string[] = raw.map(part =>
    typeof part === 'string' ? part : part.toString('latin1'),
  )
  const forThisHop = nominated(headers)
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const lower = name.toLowerCase()
    // Only the framing was taken off: the body would be compressed, and nothing would say so.
    if (lower === 'transfer-encoding' && headers[i + 1]?.toLowerCase() !== 'chunked') {
      throw new Error('a transfer coding other than chunked')
    }
    if (isHopByHop(lower) || lower === 'x-request-id' || forThisHop?.has(lower)) continue
    kept.push(name, headers[i + 1] as string)
  }
  kept.push('X-Request-Id', requestId)
  return kept
}
