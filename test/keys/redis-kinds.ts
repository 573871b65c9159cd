import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { freePort, type Redis, startRedis, waitUntil } from '../support/redis.ts'
import { makeCertificate } from './certificate.ts'

/** A Redis of some kind, with its address as a policy gives it. */
export type RedisOfKind = { readonly url: string; readonly close: () => Promise<void> }

export const singleNode = async (): Promise<RedisOfKind> => startRedis()

/** A user name and a password that no URL can hold as they are, and another database. */
export async function withLogin(): Promise<RedisOfKind> {
  const user = ['--user', 'gate', 'on', '>p@ss/word', '~*', '+@all']
  const redis = await startRedis({
    args: [...user, '--requirepass', 'other'],
    login: ['--no-auth-warning', '-a', 'other'],
  })
  const url = `redis://gate:p%40ss%2Fword@127.0.0.1:${redis.port}/3`
  return { url, close: redis.close }
}

export async function withTls(): Promise<RedisOfKind> {
  const certificate = makeCertificate()
  const trusted = getCACertificates('default')
  setDefaultCACertificates([...trusted, readFileSync(certificate.cert, 'utf8')])
  const redis = await startRedis({ tls: certificate })
  const close = async () => {
    setDefaultCACertificates(trusted)
    await redis.close()
    certificate.remove()
  }
  return { url: redis.url, close }
}

/** A cluster of one node, which owns every slot. */
export async function cluster(): Promise<RedisOfKind> {
  const bus = await freePort()
  const redis = await startRedis({
    args: [
      '--cluster-enabled yes',
      `--cluster-port ${bus}`,
      '--cluster-announce-ip 127.0.0.1',
    ].flatMap(option => option.split(' ')),
  })
  await redis.cli('cluster', 'addslotsrange', '0', '16383')
  const whole = async () => (await redis.cli('cluster', 'info')).includes('cluster_state:ok')
  await waitUntil(whole, 'the cluster does not come together')
  return { url: `redis+cluster://127.0.0.1:${redis.port}`, close: redis.close }
}

export type Sentinels = RedisOfKind & {
  /** The node that is written to at first, and the one that follows it. */
  readonly master: Redis
  readonly replica: Redis
  /** The port of the node that is written to now, as the Sentinel has it. */
  readonly current: () => Promise<number>
}

/** Two nodes and a Sentinel that puts the second in the place of the first. */
export async function sentinels(): Promise<Sentinels> {
  const master = await startRedis()
  const replica = await startRedis({
    args: ['--replicaof', `127.0.0.1 ${master.port}`, '--repl-diskless-sync-delay', '0'],
  })
  const sentinel = await startRedis({
    sentinel: [
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 3000',
    ],
  })
  const inStep = async () =>
    (await replica.cli('info', 'replication')).includes('master_link_status:up') &&
    (await sentinel.cli('sentinel', 'master', 'main')).includes('num-slaves\n1')
  await waitUntil(inStep, 'the replica does not follow')
  const address = () => sentinel.cli('sentinel', 'get-master-addr-by-name', 'main')
  return {
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/main`,
    master,
    replica,
    current: async () => Number((await address()).split('\n')[1]),
    close: async () => {
      await Promise.all([sentinel, replica, master].map(node => node.close()))
    },
  }
}
