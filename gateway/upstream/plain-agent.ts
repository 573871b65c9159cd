import { Agent, type ClientRequest } from 'node:http'
import { connect, type Socket } from 'node:net'

/** Of what Node's client tells its agent, the little that is needed here. */
interface To {
  /** Without the brackets of IPv6. */
  readonly hostname: string
  readonly port: number
}

/**
 * Gives each request a connection of its own, and keeps neither. Node's own agent keeps lists of both, and
 * copies some forty options twice for each: hundreds of WebSockets may be on their way at once.
 */
export const plainAgent: Agent = Object.assign(new Agent({ keepAlive: false }), {
  addRequest: (request: ClientRequest, { hostname: host, port }: To) => {
    // Node's client says `free` of a connection that came too late for its request.
    request.onSocket(connect({ host, port, noDelay: true }).on('free', destroyIt))
  },
})

function destroyIt(this: Socket): void {
  this.destroy()
}
