import type { Hono, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { streamSSE } from 'hono/streaming'
import { asOf, liveParts, page } from './document.ts'
import type { Feed, Look } from './feed.ts'
import { answer, faultAnswer, readForm } from './form.ts'
import { createFormKey, type GuardOptions, guard, isOwn } from './guard.ts'
import { ICON } from './icon.ts'
import { SCRIPT } from './script.ts'
import type { PageSource } from './source.ts'
import { STYLE } from './style.ts'
import type { Html } from './words.ts'

/** Where the page lives on the admin server. */
export const PAGE_PATHS = ['/', '/page.css', '/page.js', '/icon.svg', '/events', '/explain']

/** Bytes of a form: a token is 16 KiB at most, and percent-encoding makes little of it longer. */
const MAX_FORM = 64 * 1024

/** Watchers at once; a browser that is left open costs a look every few seconds. */
const MAX_WATCHERS = 20

const HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

const secured: MiddlewareHandler = async (c, next) => {
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
  await next()
}

/** The page for operators: it reads, and changes nothing. */
export function addPage(app: Hono, source: PageSource, feed: Feed, options: GuardOptions): void {
  const formKey = createFormKey()
  let watchers = 0
  for (const path of PAGE_PATHS) app.use(path, secured, guard(options))

  app.get('/', async c => c.html(page(await feed.look(), formKey)))
  app.get('/page.css', c => c.body(STYLE, 200, { 'Content-Type': 'text/css; charset=utf-8' }))
  app.get('/page.js', c =>
    c.body(SCRIPT, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  )
  app.get('/icon.svg', c => c.body(ICON, 200, { 'Content-Type': 'image/svg+xml' }))
  app.get('/explain', c => c.redirect('./', 303))

  app.post('/explain', bodyLimit({ maxSize: MAX_FORM }), async c => {
    const form = new URLSearchParams(await c.req.text())
    const field = (name: string) => form.get(name) ?? ''
    if (!isOwn(c, field('key'), formKey)) return c.text('This form is not from the page.\n', 403)
    const filled = { method: field('method') || 'GET', url: field('url'), token: field('token') }
    const asked = readForm(filled)
    const said = asked instanceof Error ? faultAnswer(asked.message) : await explained(asked)
    return c.html(page(await feed.look(), formKey, { filled, answer: said }))
  })
  const explained = async (asked: Parameters<typeof source.explain>[0]): Promise<Html> => {
    const explanation = await source.explain(asked)
    if (!explanation)
      return faultAnswer('Nobody is there to answer: no worker serves at the moment.')
    return answer(asked, explanation, Date.now())
  }

  app.get('/events', c => {
    if (!isOwn(c, '', formKey)) return c.text('This is for the page alone.\n', 403)
    if (watchers >= MAX_WATCHERS) return c.text('Too many watch already.\n', 503)
    watchers += 1
    const response = streamSSE(c, async stream => {
      const { promise: over, resolve: end } = Promise.withResolvers<void>()
      const tell = teller(text => stream.writeSSE({ event: 'page', data: text }))
      const unfollow = feed.follow(look => void tell(look).catch(end))
      stream.onAbort(end)
      await over
      unfollow()
      watchers -= 1
    })
    // The helper has a weaker word of its own.
    response.headers.set('Cache-Control', HEADERS['Cache-Control'])
    return response
  })
}

/** Tells what has changed since it was last told; one that reads slowly misses what is between. */
function teller(write: (text: string) => Promise<void>) {
  let before: readonly string[] = []
  let busy = false
  return async (look: Look): Promise<void> => {
    if (busy) return
    busy = true
    const parts = (await Promise.all(liveParts(look))).map(String)
    const changed = parts.filter((part, i) => part !== before[i])
    before = parts
    await write(JSON.stringify({ at: asOf(look), html: changed.join('') }))
    busy = false
  }
}
