import type { Context } from 'hono'
import { NO_STORE } from './no-store.ts'
import { errorOf } from './refusal.ts'
import type { Feide } from './token-answer.ts'

/** `POST /_local/rotate`: a new key signs; `?drop=true` takes the old ones away at once. */
export const rotateKeys =
  ({ keys }: Feide) =>
  async (c: Context): Promise<Response> => {
    const drop = c.req.query('drop') ?? 'false'
    if (drop !== 'true' && drop !== 'false')
      return c.json(errorOf('invalid_request', 'drop must be true or false'), 400, NO_STORE)
    await keys.rotate({ drop: drop === 'true' })
    const published = keys.published().map(({ kid }) => kid)
    return c.json({ signing: keys.current().jwk.kid, published }, 200, NO_STORE)
  }
