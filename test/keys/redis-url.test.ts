import { describe, expect, it } from 'vitest'
import { parseRedisUrl } from '../../gateway/policy/redis-url.ts'

const ONE = {
  kind: 'single',
  tls: false,
  username: undefined,
  password: undefined,
  nodes: [{ host: 'redis', port: 6379 }],
  group: '',
  database: 0,
}
const SENTINEL = {
  ...ONE,
  kind: 'sentinel',
  nodes: [
    { host: 'a', port: 26379 },
    { host: 'b', port: 7000 },
  ],
  group: 'main',
}
const CLUSTER = { ...ONE, kind: 'cluster', nodes: [ONE.nodes[0], { host: 'b', port: 7000 }] }

describe('the URL of a Redis', () => {
  it.each<[string, object]>([
    ['redis://redis', ONE],
    ['redis://redis/', ONE],
    ['redis://redis:6380', { ...ONE, nodes: [{ host: 'redis', port: 6380 }] }],
    ['redis://redis/3', { ...ONE, database: 3 }],
    ['redis://10.0.0.7:6379', { ...ONE, nodes: [{ host: '10.0.0.7', port: 6379 }] }],
    ['redis://[::1]:6380', { ...ONE, nodes: [{ host: '::1', port: 6380 }] }],
    ['rediss://redis', { ...ONE, tls: true }],
    ['redis://:p%40ss%2F@redis', { ...ONE, password: 'p@ss/' }],
    ['redis://gate:secret@redis', { ...ONE, username: 'gate', password: 'secret' }],
    ['redis://gate:a:b@redis', { ...ONE, username: 'gate', password: 'a:b' }],
    ['redis+sentinel://a,b:7000/main', SENTINEL],
    ['redis+sentinel://a,b:7000/main/3', { ...SENTINEL, database: 3 }],
    ['rediss+sentinel://:s@a,b:7000/main', { ...SENTINEL, tls: true, password: 's' }],
    ['redis+cluster://redis,b:7000', CLUSTER],
    [
      'rediss+cluster://gate:s@redis,b:7000',
      { ...CLUSTER, tls: true, username: 'gate', password: 's' },
    ],
  ])('%s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address)
  })

  it.each([
    '',
    'redis',
    'redis://',
    'http://redis',
    'REDIS://redis',
    'redis://a,b',
    'redis://redis:0x10',
    'redis://redis:65536',
    'redis://redis:6379:6380',
    'redis://redis/one',
    'redis://redis/1/2',
    'redis://redis?db=1',
    'redis://redis#1',
    'redis://[::1',
    'redis+sentinel://a,b',
    'redis+sentinel://a,b/main/one',
    'redis+sentinel://a,,b/main',
    'redis+cluster://a,b/main',
    'redis+other://a',
  ])('%s is none', url => {
    expect(parseRedisUrl(url)).toBeUndefined()
  })
})
