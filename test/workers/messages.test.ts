import { describe, expect, test } from 'vitest'
import { parseFromWorker, parseToWorker } from '../../gateway/workers/messages.ts'

const snapshot = { file: 'gateway.yaml', texts: { 'gateway.yaml': 'a: 1' } }
const listen = { host: '127.0.0.1', port: 80 }
const stored = { fetchedAt: 1, document: { keys: [] } }
const store = (call: object) => ({ is: 'store', id: 1, space: 'a', call })

describe('a message to a worker', () => {
  test.for([
    { is: 'policy', id: 1, snapshot, listen },
    { is: 'question', id: 2, about: 'readiness' },
    { is: 'refresh' },
    { is: 'stored', id: 3, value: null },
    { is: 'drain' },
  ])('is understood: %j', message => {
    expect(parseToWorker(message)).toEqual(message)
  })
  test.for([
    null,
    'drain',
    ['drain'],
    {},
    { is: 'toString' },
    { is: 'begun' },
    { is: ['drain'] },
    { is: 'policy', id: 1, snapshot },
    { is: 'policy', id: 1, snapshot, listen: { host: '127.0.0.1' } },
    { is: 'policy', id: 1, snapshot: { file: 'a', texts: { a: 1 } }, listen },
    { is: 'policy', id: 1, snapshot: { file: 'a', texts: [] }, listen },
    { is: 'question', id: 1, about: 'everything' },
    { is: 'question', id: '1', about: 'status' },
  ])('is not understood: %j', message => {
    expect(parseToWorker(message)).toBeUndefined()
  })
})

describe('a message from a worker', () => {
  test.for([
    { is: 'begun' },
    { is: 'listening' },
    { is: 'failed', fault: { message: 'no' } },
    { is: 'failed', fault: { message: 'no', code: 'EADDRINUSE', address: '::', port: 1 } },
    { is: 'answer', id: 1 },
    store({ do: 'read' }),
    store({ do: 'claimCooldown', ms: 30_000 }),
    store({ do: 'write', ms: 30_000, stored }),
  ])('is understood: %j', message => {
    expect(parseFromWorker(message)).toEqual(message)
  })
  test.for([
    { is: 'drain' },
    { is: 'failed' },
    { is: 'failed', fault: { message: 'no', port: '1' } },
    { is: 'answer' },
    store({}),
    store({ do: 'read all' }),
    store({ do: 'release' }),
    store({ do: 'write', ms: 1, stored: { fetchedAt: null, document: 1 } }),
  ])('is not understood: %j', message => {
    expect(parseFromWorker(message)).toBeUndefined()
  })
})
