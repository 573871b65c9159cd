import { forgeryFile, pathFile, tokenFile } from '../files.ts'
import { authenticates, loadScenario } from './load.ts'

/** Callers that send at once. */
const CALLERS = 64

const PATHS = ['/courses']

export const small = loadScenario({
  name: 'small',
  says: `GET, a small answer, one token, ${CALLERS} connections`,
  prepare: async bench => {
    const tokens = await tokenFile(bench, 'small', 1)
    const load = { paths: pathFile(bench, 'small', PATHS), connections: CALLERS, tokens }
    return { warm: load, timed: () => load }
  },
})

const LIVE_TOKENS = 500

export const tokens = loadScenario({
  name: 'tokens',
  says: `GET, ${LIVE_TOKENS} live tokens in turn`,
  takesPart: authenticates,
  prepare: async bench => {
    const tokens = await tokenFile(bench, 'live', LIVE_TOKENS)
    const load = { paths: pathFile(bench, 'tokens', PATHS), connections: CALLERS, tokens }
    return { warm: load, timed: () => load }
  },
})

/** More than any contestant gets through in a second. */
const COLD_PER_SECOND = 25_000

export const cold = loadScenario({
  name: 'cold',
  says: 'GET, every token used once: each must be fully checked',
  takesPart: authenticates,
  prepare: async bench => {
    const load = { paths: pathFile(bench, 'cold', PATHS), connections: CALLERS }
    const once = COLD_PER_SECOND * bench.seconds
    return {
      warm: { ...load, tokens: await tokenFile(bench, 'cold-warm', 3_000) },
      timed: async round => ({ ...load, tokens: await tokenFile(bench, `cold-${round}`, once) }),
      once,
    }
  },
})

export const post = loadScenario({
  name: 'post',
  says: 'POST of 10 KiB, a small answer, one token',
  prepare: async bench => {
    const tokens = await tokenFile(bench, 'post', 1)
    const paths = pathFile(bench, 'post', PATHS)
    const body = 10 * 1024
    const load = { paths, method: 'POST', body, connections: CALLERS, tokens } as const
    return { warm: load, timed: () => load }
  },
})

export const refused = loadScenario({
  name: 'refused',
  says: 'GET with a bad signature, a different one each time',
  takesPart: authenticates,
  prepare: bench => {
    const tokens = forgeryFile(bench, 'refused', 20_000)
    const load = { paths: pathFile(bench, 'refused', PATHS), connections: CALLERS, tokens }
    return { warm: load, timed: () => load, refusals: true }
  },
})

export const large = loadScenario({
  name: 'large',
  says: 'GET, answers of 1 MiB, one token, 16 connections',
  unit: 'MiB',
  prepare: async bench => {
    const tokens = await tokenFile(bench, 'large', 1)
    const load = { paths: pathFile(bench, 'large', ['/large']), connections: 16, tokens }
    return { warm: load, timed: () => load }
  },
})
