import type { Context } from 'hono'
import { type LoginRequest, type ReturnAddress, readAuthorization } from './authorization.ts'
import { readForm, readParameters } from './form.ts'
import { loginPage } from './login-page.ts'
import { errorPage, showPage } from './pages.ts'
import { type Parameters, withParameters } from './redirect-uri.ts'
import { errorOf, isRefusal } from './refusal.ts'
import type { Feide } from './token-answer.ts'

/** The authorization endpoint (RFC 6749 section 3.1): a page, or the browser sent back. */
export const authorizationEndpoint = (feide: Feide) => async (c: Context) => {
  const parameters = c.req.method === 'POST' ? await c.req.text() : new URL(c.req.url).search
  const request = readAuthorization(feide.register, readParameters(parameters))
  if ('unanswerable' in request)
    return showPage(c, errorPage('This login cannot start', request.unanswerable), 400)
  if ('error' in request) return sendBack(c, request.to, errorOf(request.error, request.why))
  return showPage(c, loginPage(feide.register, request, feide.tickets.issue(request)))
}

/** What the form of the login page is sent to. */
export const choiceEndpoint = (feide: Feide) => async (c: Context) => {
  const form = readForm(c.req.header('content-type'), await c.req.text())
  const request = isRefusal(form) ? undefined : feide.tickets.take(form.get('ticket') ?? '')
  if (isRefusal(form) || !request) return showPage(c, SPENT, 400)
  if (form.has('cancel'))
    return sendBack(c, request, errorOf('access_denied', 'the user chose to cancel'))
  const code = logIn(feide, request, form.get('user') ?? '')
  if (code === undefined) return showPage(c, errorPage(FAILED, 'There is no such user.'), 400)
  return sendBack(c, request, { code })
}

const FAILED = 'This login cannot go on'
const SPENT = errorPage(FAILED, 'It has been used already, or took longer than ten minutes.')

const logIn = (feide: Feide, request: LoginRequest, name: string): string | undefined => {
  const user = feide.register.users.get(name)
  return user && feide.codes.issue({ ...request, user, at: feide.now() })
}

// 303, so that a browser that has posted comes with a GET.
const sendBack = (c: Context, { redirectUri, state }: ReturnAddress, parameters: Parameters) => {
  c.header('Cache-Control', 'no-store')
  c.header('Referrer-Policy', 'no-referrer')
  return c.redirect(withParameters(redirectUri, { ...parameters, state }), 303)
}
