import { keySetFetcher } from '../edge/issuer.ts'
import { openStore } from '../edge/keys.ts'
import type { RedisStore } from '../edge/redis-store.ts'
import type { Policy } from '../policy/policy.ts'
import { hasKid, readKeySet } from '../token/keyset.ts'
import { loadFor } from './check.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

interface Trust {
  readonly does: 'distrust' | 'trust'
  readonly kid: string
}

export type KeysAction = { readonly does: 'show' } | { readonly does: 'refresh' } | Trust

/** `keys`, `keys refresh`, `keys distrust KID`, `keys trust KID`: an operator's word on the key set. */
export async function keys(
  file: string,
  action: KeysAction,
  terminal: Terminal,
): Promise<ExitStatus> {
  const policy = loadFor(file, terminal)?.policy
  if (!policy) return 1
  if (action.does === 'show') return show(policy, terminal)
  const store = storeOf(policy, terminal)
  if (!store) {
    terminal.err(
      'error: expected `redis` in the policy: without it each gateway keeps its own keys',
    )
    if (action.does === 'refresh') terminal.err('A gateway fetches its keys anew on SIGHUP.')
    return 1
  }
  try {
    return action.does === 'refresh'
      ? await refresh(policy, store, terminal)
      : await setTrust(action, store, terminal)
  } finally {
    await store.close()
  }
}

/** Milliseconds: a person at a terminal waits longer than a gateway does. */
const PATIENCE = 5_000

const storeOf = (policy: Policy, terminal: Terminal) =>
  openStore(policy, { onState: () => {}, onIgnored: why => terminal.err(why) }, PATIENCE)

/** What the running gateway says; where none runs here, what Redis holds. */
async function show(policy: Policy, terminal: Terminal): Promise<ExitStatus> {
  const running = await statusOfRunning(policy)
  if (running) {
    terminal.out(JSON.stringify(running, null, 2))
    return 0
  }
  terminal.err('no gateway answers on the admin address of this policy')
  const store = storeOf(policy, terminal)
  const stored = await store?.read()
  const distrusted = [...((await store?.distrusted())?.kids ?? [])]
  await store?.close()
  const keySet = stored && readKeySet(stored.document)
  if (!stored || !keySet || 'problem' in keySet) return 1
  const kids = keySet.usable.map(({ kid }) => kid ?? '')
  const age = Math.round((Date.now() - stored.fetchedAt) / 1000)
  terminal.out(JSON.stringify({ source: 'redis', age, kids, distrusted }, null, 2))
  return 0
}

async function statusOfRunning({ admin }: Policy): Promise<unknown> {
  if (admin === 'off') return undefined
  const host = admin.host.includes(':') ? `[${admin.host}]` : admin.host
  try {
    const signal = AbortSignal.timeout(2_000)
    const answer = await fetch(`http://${host}:${admin.port}/status`, { signal })
    return ((await answer.json()) as { keys: unknown }).keys
  } catch {
    return undefined
  }
}

async function refresh(policy: Policy, store: RedisStore, terminal: Terminal): Promise<ExitStatus> {
  const fetchKeySet = keySetFetcher(policy.issuer)
  try {
    const fetchedAt = Date.now()
    const document = await fetchKeySet()
    const keySet = readKeySet(document)
    if ('problem' in keySet) throw new Error(keySet.problem)
    await store.write({ fetchedAt, document }, policy.keys.unknownKidCooldown)
    if (!store.up()) throw new Error('Redis does not answer')
    terminal.out(keySet.usable.map(({ kid }) => kid ?? '(no kid)').join('\n'))
    return 0
  } catch (error) {
    terminal.err(`error: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  } finally {
    await fetchKeySet.close()
  }
}

async function setTrust(
  { does, kid }: Trust,
  store: RedisStore,
  terminal: Terminal,
): Promise<ExitStatus> {
  const after = await store.changeDistrusted(kids => {
    if (does === 'distrust') kids.add(kid)
    else kids.delete(kid)
  })
  if (!after) {
    terminal.err(
      store.up()
        ? 'error: the list in Redis is not of this issuer and `redis.secret`; nothing was changed'
        : 'error: Redis does not answer; nothing was changed',
    )
    return 1
  }
  const stored = await store.read()
  const keySet = stored && readKeySet(stored.document)
  if (keySet && !('problem' in keySet) && !hasKid(keySet, kid)) {
    terminal.err(`note: the key set has no key with the id ${kid}`)
  }
  terminal.out(after.size === 0 ? 'no key is distrusted' : `distrusted: ${[...after].join(' ')}`)
  return 0
}
