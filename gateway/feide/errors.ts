import * as oauth from 'oauth4webapi'

/** What went wrong at Feide's, in words for a person; never a secret, never a token. */
export class FeideError extends Error {
  override readonly name = 'FeideError'
  /** Feide's own `error` (RFC 6749 §5.2), where it gave one: it has answered, and said no. */
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

/**
 * Runs what talks to Feide, a second time where no connection came about or it broke at once; what
 * fails all the same is told as a `FeideError`.
 *
 * @param what completes "… : the reason"
 */
export async function told<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run().catch(error => {
      if (!isConnectionFailure(error)) throw error
      return run()
    })
  } catch (error) {
    throw error instanceof FeideError
      ? error
      : new FeideError(`${what}: ${reasonOf(error)}`, codeOf(error))
  }
}

/** Errors of the network that say that nothing was answered; asking again does no harm. */
const CONNECTION = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

const isConnectionFailure = (error: unknown): boolean => CONNECTION.has(networkCode(error))

function networkCode(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}

/** An error of the token endpoint, or of the login (RFC 6749 §5.2, §4.1.2.1). */
const isAnswered = (error: unknown) =>
  error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError

const codeOf = (error: unknown): string | undefined => {
  if (isAnswered(error)) return error.error
  return error instanceof oauth.WWWAuthenticateChallengeError ? 'invalid_client' : undefined
}

/** Feide's own `error` and `error_description`, where it gave them. */
function reasonOf(error: unknown): string {
  if (isAnswered(error)) {
    return [error.error, error.error_description].filter(Boolean).join(', ')
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return `the client id or the secret is wrong (status ${error.status})`
  }
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'it took too long'
  return networkCode(error) || error.message
}
