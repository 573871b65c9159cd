import { join } from 'node:path'
import type { Contestant } from '../contestant.ts'
import { BENCH, npm, npmVersion } from './packages.ts'
import { peerOptions } from './peer-options.ts'

/** What most would write: Express, http-proxy-middleware, jose. */
export const express: Contestant = {
  name: 'express',
  authenticates: true,
  missing: () => npm('express', 'http-proxy-middleware', 'jose', 'pino'),
  title: () => `Express ${npmVersion('express')}, http-proxy-middleware, jose`,
  command: setup => [process.execPath, join(BENCH, 'peers/express.mjs'), peerOptions(setup)],
}
