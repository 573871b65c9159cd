import { join } from 'node:path'
import type { Contestant } from '../contestant.ts'
import { BENCH, npm, npmVersion } from './packages.ts'
import { peerOptions } from './peer-options.ts'

/** Fastify with @fastify/http-proxy (undici) and fast-jwt, which remembers what it has verified. */
export const fastify: Contestant = {
  name: 'fastify',
  authenticates: true,
  missing: () => npm('fastify', '@fastify/http-proxy', 'fast-jwt', 'pino'),
  title: () => `Fastify ${npmVersion('fastify')}, http-proxy, fast-jwt with cache`,
  command: setup => [process.execPath, join(BENCH, 'peers/fastify.mjs'), peerOptions(setup)],
}
