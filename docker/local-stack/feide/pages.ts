import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { html, raw } from 'hono/html'

type Html = ReturnType<typeof html>

export interface Page {
  readonly title: string
  readonly main: Html
  /** Where a form's answer may send the browser on to, as sources of Content-Security-Policy. */
  readonly sendsOnTo?: readonly string[]
}

const STYLE = `
:root { color-scheme: light dark; font: 1.125rem/1.5 system-ui, sans-serif }
body { margin: 0 auto; padding: 1rem; max-width: 34rem }
header { border: .25rem dashed; padding: .5rem 1rem }
ul { padding: 0; list-style: none }
li { margin: .5rem 0 }
button { font: inherit; width: 100%; min-height: 3rem; padding: .5rem 1rem; text-align: start }
:focus-visible { outline: .25rem solid; outline-offset: .125rem }
code { overflow-wrap: anywhere }
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Sends a page. Each says first of all that this is not Feide. */
export const showPage = (c: Context, page: Page, status: 200 | 400 | 404 = 200) =>
  c.html(document(page), status, {
    'Content-Security-Policy': [
      "default-src 'none'",
      `style-src 'sha256-${STYLE_HASH}'`,
      `form-action ${["'self'", ...(page.sendsOnTo ?? [])].join(' ')}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    // The address holds the client's state; forms of this site must still tell their origin.
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  })

// Between the tags of the style stands exactly what the hash was made of.
const document = ({ title, main }: Page) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – stand-in for Feide</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header>
<p><strong>This is a stand-in for Feide, not Feide itself.</strong> It is for trying things out on
this machine. Never type a real password on a page like this one.</p>
</header>
<main>
${main}
</main>
</body>
</html>
`

/** Told to the user when there is nowhere safe to send the browser. */
export const errorPage = (title: string, why: string): Page => ({
  title,
  main: html`<h1>${title}</h1>
<p>${why}</p>
<p>Go back to the application and start again.</p>`,
})

export const HOME: Page = {
  title: 'Nothing to log in to',
  main: html`<h1>A login starts in an application</h1>
<p>The application sends the browser here. Where, says the
<a href="/.well-known/openid-configuration">discovery document</a>; which applications and users
there are, says <code>feide.yaml</code>.</p>`,
}
