import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { Demo } from './commands.ts'
import { type Register, readRegister } from './feide/register.ts'
import { startFeide } from './feide.ts'
import { type GatewayChild, startGateway } from './gateway-child.ts'
import { startLegacyApi } from './legacy-api.ts'
import { listen, PortError } from './listen.ts'

export interface Ports {
  readonly gateway: number
  readonly admin: number
  readonly feide: number
  readonly api: number
}

export interface StackOptions {
  readonly ports: Ports
  /** The file that says who exists at the stand-in for Feide; that of the demo without it. */
  readonly feideYaml: string | undefined
}

/** Where each part of a running stack is, and what to show a caller. */
export interface Stack {
  readonly demo: Demo
  readonly adminUrl: string
  readonly apiUrl: string
  readonly gateway: GatewayChild
}

/** Ends what was started, the last first. */
export type Closers = (() => Promise<void>)[]

/**
 * Starts the stand-in and the legacy API in this process, the gateway in another. What must be
 * ended is added to `closers` as soon as it runs, so that a start that fails halfway leaves nothing.
 */
export const startStack = async (
  { ports, feideYaml }: StackOptions,
  closers: Closers,
): Promise<Stack> => {
  const register = readRegister(feideYaml)
  const feide = await onPort('feide', startFeide({ port: ports.feide, register }))
  closers.push(feide.close)
  // A new password for each run: it is the gateway's proof to the API and nobody else's business.
  const password = randomUUID()
  const api = await onPort('api', startLegacyApi({ port: ports.api, password }))
  closers.push(api.close)
  await onPort('gateway', mustBeFree(ports.gateway))
  await onPort('admin', mustBeFree(ports.admin))
  const env = gatewayEnv(ports, feide.url, api.url, password)
  const gateway = startGateway({ env })
  closers.push(gateway.stop)
  const demo = { ...whoAsks(register), feideUrl: feide.url, gatewayUrl: urlOf(ports.gateway) }
  return { demo, adminUrl: urlOf(ports.admin), apiUrl: api.url, gateway }
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}`

const gatewayEnv = (ports: Ports, feideUrl: string, apiUrl: string, password: string) => ({
  FEIDE_ISSUER: feideUrl,
  GATEWAY_LISTEN: `127.0.0.1:${ports.gateway}`,
  GATEWAY_ADMIN: `127.0.0.1:${ports.admin}`,
  GRADES_URL: apiUrl,
  GRADES_PASSWORD: password,
})

// The first of each kind in `feide.yaml` takes part in the tour.
const whoAsks = ({ clients, users, dataSourcesByAudience }: Register) => {
  const client = clients.values().find(({ grants }) => grants.includes('client_credentials'))
  const [user] = users.entries()
  const [audience] = dataSourcesByAudience.keys()
  if (!client?.secret || !user || !audience)
    throw new Error('feide.yaml needs a client with a secret, a user and an API')
  return {
    audience,
    clientId: client.id,
    clientSecret: client.secret,
    user: user[0],
    userId: user[1].id,
  }
}

// The gateway opens its ports itself; asked here first, a port in use is told like the others.
const mustBeFree = async (port: number): Promise<void> => {
  const probe = await listen(createServer(), port)
  await probe.close()
}

const onPort = async <T>(which: keyof Ports, starting: Promise<T>): Promise<T> => {
  try {
    return await starting
  } catch (error) {
    if (!(error instanceof PortError)) throw error
    throw new Error(`${error.message}: choose another with --${which}-port`)
  }
}
