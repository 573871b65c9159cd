import { type Answer, type RequestParts, request, sendOne, valuesOf } from '../support/raw.ts'

/** The page over bare sockets: whatever `Host`, `Origin` and `Authorization` a caller may send. */
export const askPage = (port: number, parts: RequestParts = {}): Promise<Answer> => {
  const headers = { Connection: 'close', ...(parts.headers as Record<string, string> | undefined) }
  return sendOne(port, request({ host: `127.0.0.1:${port}`, ...parts, headers }))
}

export interface Form {
  readonly method?: string
  readonly url?: string
  readonly token?: string
  readonly key?: string
}

/** The form of the page, as a browser sends it without JavaScript. */
export const postForm = (
  port: number,
  form: Form,
  headers: Record<string, string> = {},
): Promise<Answer> => {
  const body = new URLSearchParams({ method: 'GET', url: '/', ...form }).toString()
  const type = 'application/x-www-form-urlencoded'
  return askPage(port, {
    method: 'POST',
    target: '/explain',
    headers: { 'Content-Type': type, 'Content-Length': String(body.length), ...headers },
    body,
  })
}

/** The text of an element with an id, without its tags. */
export function textOf({ body }: Pick<Answer, 'body'>, id: string): string {
  const [, after = ''] = body.split(new RegExp(`<[a-z]+ id="${id}"`))
  const [own = ''] = after.split(/<\/section>|<section|<form|<footer/)
  return decode(own.replace(/^[^>]*>/, '').replace(/<[^>]+>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()
}

const decode = (text: string): string =>
  Buffer.from(text, 'latin1')
    .toString('utf8')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')

export const headerOf = (answer: Answer, name: string): string | undefined =>
  valuesOf(answer, name)[0]
