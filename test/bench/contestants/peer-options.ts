import { KEEP_ALIVE, REMEMBERED, type Setup, WORK } from '../contestant.ts'

/** What the peers that run on Node are told, on their command line. */
export const peerOptions = ({ port, upstreamPort, issuer, keyFile }: Setup): string =>
  JSON.stringify({
    ...WORK,
    port,
    upstream: `http://127.0.0.1:${upstreamPort}`,
    issuer,
    keyFile,
    keepAlive: KEEP_ALIVE,
    remembered: REMEMBERED,
  })
