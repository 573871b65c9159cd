/** Types for the npm package, which has none. Only what the legacy API uses. */
declare module 'dataportenapi' {
  import type { RequestHandler } from 'express'

  export interface Dataporten {
    /** null means a system request. */
    readonly userid: string | null
    readonly useridsec: readonly string[] | null
    readonly clientid: string | null
    readonly scopes: readonly string[] | null
  }

  export interface Policy {
    readonly requireUser?: boolean
    readonly requireScopes?: readonly string[]
    readonly requireUserUnlessScopes?: readonly string[]
  }

  class DataportenAPI {
    constructor(config: { readonly password: string })
    cors(): RequestHandler
    setup(): RequestHandler
    policy(policy: Policy): RequestHandler
  }

  // CommonJS whose names Node cannot see from an import, so everything hangs on the default.
  const exported: { readonly DataportenAPI: typeof DataportenAPI }
  export default exported
}
