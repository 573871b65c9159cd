import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Gateway } from './gateway.ts'
import { waitUntil } from './redis.ts'

/** Looks into the heap of a process, which tells it when it gets a signal. */
export interface HeapLook {
  /** What the process is to be started with. */
  readonly env: { readonly NODE_OPTIONS: string }
  /** How many objects and functions of each name are held: garbage is collected first. */
  readonly count: (gateway: Pick<Gateway, 'signal'>) => Promise<ReadonlyMap<string, number>>
  readonly remove: () => void
}

export function heapLook(): HeapLook {
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-heap-'))
  const count: HeapLook['count'] = async gateway => {
    const before = readdirSync(directory)
    let counts: ReadonlyMap<string, number> = new Map()
    gateway.signal('SIGUSR2')
    await waitUntil(
      () => {
        const file = readdirSync(directory).find(name => !before.includes(name))
        const text = file === undefined ? '' : readFileSync(join(directory, file), 'utf8')
        if (!text.trimEnd().endsWith('}')) return false
        counts = countsOf(JSON.parse(text))
        return true
      },
      'no snapshot',
      30_000,
    )
    return counts
  }
  return {
    env: { NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${directory}` },
    count,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[]
      readonly node_types: readonly [types: readonly string[]]
    }
  }
  readonly nodes: readonly number[]
  readonly strings: readonly string[]
}

function countsOf({ snapshot, nodes, strings }: Snapshot): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  const { node_fields: fields, node_types } = snapshot.meta
  const [types] = node_types
  for (let i = 0; i < nodes.length; i += fields.length) {
    const type = types[nodes[i + fields.indexOf('type')] ?? 0]
    if (type !== 'object' && type !== 'closure') continue
    const name = strings[nodes[i + fields.indexOf('name')] ?? 0] ?? ''
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}
