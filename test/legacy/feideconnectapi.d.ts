/** Types for the npm package, which has none. Only what the test uses. */
declare module 'feideconnectapi' {
  import type { RequestHandler } from 'express'

  class FeideConnectAPI {
    constructor(config: { readonly password: string })
    setup(): RequestHandler
  }

  // CommonJS whose names Node cannot see from an import, so everything hangs on the default.
  const exported: { readonly FeideConnectAPI: typeof FeideConnectAPI }
  export default exported
}
