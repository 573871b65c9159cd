import type { RedisClient } from './redis.ts'

/** Milliseconds that the first command waits for the connection. */
const FIRST_CONNECT = 2_000

/** What happens to the store, once per change of state: for the log and the counters. */
export interface RedisEvents {
  readonly onState: (up: boolean, error: string | undefined) => void
  /** A stored value that is not used. */
  readonly onIgnored: (why: string) => void
}

/** Runs commands so that trouble with Redis is an answer, and is told once per change of state. */
export function guard(redis: RedisClient, { onState, onIgnored }: RedisEvents) {
  let up: boolean | undefined
  let lastError: string | undefined
  const connected = new Promise<void>(resolve => {
    redis.once('ready', resolve)
    redis.once('error', () => resolve())
    setTimeout(resolve, FIRST_CONNECT).unref()
  })
  const become = (next: boolean) => {
    if (up !== next) onState(next, next ? undefined : lastError)
    up = next
    if (next) lastError = undefined
  }
  redis.on('error', (error: Error) => {
    lastError = error.message.replace(/\d+\.\d+\.\d+\.\d+:\d+/g, '…')
  })

  async function attempt<T>(otherwise: T, run: () => Promise<T>): Promise<T> {
    await connected
    try {
      const value = await run()
      become(true)
      return value
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (message.startsWith('WRONGTYPE')) {
        onIgnored('the stored value has a type that the gateway does not store')
      } else {
        lastError ??= message
        become(false)
      }
      return otherwise
    }
  }
  return { attempt, up: () => up === true }
}
