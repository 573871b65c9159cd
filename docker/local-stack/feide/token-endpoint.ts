import type { Context } from 'hono'
import { authenticateClient } from './client-auth.ts'
import { readForm } from './form.ts'
import { NO_STORE } from './no-store.ts'
import { errorOf, isRefusal, type Refusal, statusOf } from './refusal.ts'
import type { Feide, Handler } from './token-answer.ts'

/** Answers a form with a token, once the client has said who it is. */
export const tokenEndpoint =
  (feide: Feide, handle: Handler) =>
  async (c: Context): Promise<Response> => {
    const form = readForm(c.req.header('content-type'), await c.req.text())
    if (isRefusal(form)) return refusal(c, form)
    const client = authenticateClient(feide.register, c.req.header('authorization'), form)
    if (isRefusal(client)) return refusal(c, client)
    const answer = await handle(feide, client, form)
    if (isRefusal(answer)) return refusal(c, answer)
    return c.json(answer, 200, NO_STORE)
  }

const refusal = (c: Context, it: Refusal): Response => {
  const challenge = { 'WWW-Authenticate': 'Basic realm="Feide", charset="UTF-8"' }
  const status = statusOf(it)
  const body = errorOf(it.refused, it.why)
  return c.json(body, status, { ...NO_STORE, ...(status === 401 && challenge) })
}
