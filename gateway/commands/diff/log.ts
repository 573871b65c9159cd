/** Requests of a log that are alike in all that matters, and how many there are. */
export interface Tally {
  /** Absent where the request met no route. */
  readonly dataSource: string | undefined
  /** The pattern. */
  readonly route: string | undefined
  readonly method: string
  readonly decision: 'allow' | 'deny'
  readonly code: string | undefined
  readonly shadow: string | undefined
  readonly clientId: string | undefined
  readonly principal: string | undefined
  readonly count: number
}

export interface ReadLog {
  readonly tallies: readonly Tally[]
  /** Lines that tell of no request. */
  readonly others: number
}

/** Longer lines are none of the gateway's: no path and no header stands in them. */
const LONGEST = 64 * 1024

/** Reads a log of the gateway as it comes; what is in memory grows with routes and clients, not with lines. */
export async function readLog(chunks: AsyncIterable<string>): Promise<ReadLog> {
  const counts = new Map<string, number>()
  let others = 0
  let rest = ''
  let tooLong = false
  const take = (line: string) => {
    const id = tooLong ? undefined : requestIn(line)
    tooLong = false
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
    else if (line.trim() !== '') others += 1
  }
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
    if (rest.length > LONGEST) {
      tooLong = true
      rest = '…'
    }
  }
  take(rest)
  return { tallies: [...counts].map(([id, count]) => ({ ...tallyOf(id), count })), others }
}

const FIELDS = [
  ...(['dataSource', 'route', 'method', 'decision', 'code', 'shadow', 'clientId'] as const),
  'principal',
] as const

/** What matters of the line of a request; collectors like to put something in front of a line. */
function requestIn(line: string): string | undefined {
  const start = line.indexOf('{')
  if (start === -1 || line.length > LONGEST || !line.includes('"request"', start)) return undefined
  const entry = parse(line.slice(start))
  if (entry?.msg !== 'request' || typeof entry.method !== 'string') return undefined
  if (entry.decision !== 'allow' && entry.decision !== 'deny') return undefined
  return JSON.stringify(FIELDS.map(name => textOf(entry[name])))
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

function tallyOf(id: string): Omit<Tally, 'count'> {
  const values = JSON.parse(id) as readonly (string | null)[]
  const [dataSource, route, method, decision, code, shadow, clientId, principal] = values.map(
    value => value ?? undefined,
  )
  const known = { method: method ?? '', decision: decision === 'allow' ? 'allow' : 'deny' } as const
  return { dataSource, route, code, shadow, clientId, principal, ...known }
}
