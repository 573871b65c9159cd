/** Space and tab. */
const BLANK = new Set([0x20, 0x09])

/** White space behind a value is none of it (RFC 9110 §5.5); the parser leaves it there. */
export function trimValues(headers: string[]): void {
  for (let i = 1; i < headers.length; i += 2) {
    const value = headers[i] as string
    let end = value.length
    while (end > 0 && BLANK.has(value.charCodeAt(end - 1))) end--
    if (end < value.length) headers[i] = value.slice(0, end)
  }
}

/** Whether the headers say that a body follows. */
export function saysBody(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase()
    if (name === 'transfer-encoding') return true
    if (name === 'content-length' && Number(headers[i + 1]) !== 0) return true
  }
  return false
}
