import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { addPage, PAGE_PATHS } from './app.ts'
import type { Feed } from './feed.ts'
import type { GuardOptions } from './guard.ts'
import type { PageSource } from './source.ts'

/**
 * Serves the page; loaded when somebody asks for it.
 *
 * @param others paths that are answered elsewhere: who asks for nothing that there is, is told of them too
 */
export function pageListener(
  source: PageSource,
  feed: Feed,
  options: GuardOptions,
  others: readonly string[],
) {
  const app = new Hono()
  addPage(app, source, feed, options)
  app.notFound(c => c.json({ error: 'not found', paths: [...others, ...PAGE_PATHS] }, 404))
  return getRequestListener(app.fetch)
}
