import { html } from 'hono/html'
import type { LoginRequest } from './authorization.ts'
import type { Page } from './pages.ts'
import { formTargets } from './redirect-uri.ts'
import type { Register } from './register.ts'

/** The path that a choice is sent to. */
export const CHOICE = '/_local/choice'

/** One button for each demo user. The browser carries the ticket and nothing else. */
export const loginPage = ({ users }: Register, request: LoginRequest, ticket: string): Page => {
  const { client, scopes, redirectUri } = request
  const buttons = [...users].map(
    ([key, { name, eduPersonPrincipalName }]) =>
      html`<li><button name="user" value="${key}">${name}, ${eduPersonPrincipalName}</button></li>
`,
  )
  return {
    title: `Log in to ${client.name}`,
    sendsOnTo: formTargets(redirectUri),
    main: html`<h1>Log in to ${client.name}</h1>
<form method="post" action="${CHOICE}" aria-labelledby="who">
<input type="hidden" name="ticket" value="${ticket}">
<h2 id="who">Who do you want to be?</h2>
<ul role="list">
${buttons}</ul>
<h2>Or not at all</h2>
<p><button name="cancel" value="yes">Cancel, and go back to ${client.name}</button></p>
</form>
<h2>What ${client.name} asks for</h2>
<p>Scopes: ${scopes.join(', ') || 'none'}.</p>
<p>The browser will be sent to <code>${redirectUri}</code>.</p>`,
  }
}
