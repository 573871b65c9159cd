import { request, sendOne } from '../../support/raw.ts'
import type { Bench } from '../bench.ts'
import type { Contestant } from '../contestant.ts'
import { checkedOutGateway, gateway } from '../contestants/gateway.ts'
import { watchOthers } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { figure, spread } from '../statistics.ts'
import { markdown } from '../table.ts'
import { claimsOf } from '../tokens.ts'

export const start: Scenario = {
  name: 'start',
  says: 'from spawn to listening, and to the first good answer',
  run: async bench => {
    const contestants = bench.contestants.flatMap(one =>
      one === gateway ? [gateway, checkedOutGateway] : [one],
    )
    const data: Start[] = []
    for (let i = 0; i < bench.rounds; i++) {
      for (const one of contestants) data.push(await startOnce(bench, one))
    }
    const rows = contestants.map(one => {
      const own = data.filter(({ name }) => name === one.name)
      return [
        one.title(),
        spread(own.map(({ listening }) => listening)),
        spread(own.map(({ answered }) => answered)),
      ]
    })
    const tables = [markdown(['contestant', 'listening ms', 'first answer ms'], rows)]
    const others = data.map(one => one.others)
    return { scenario: start.name, says: start.says, tables, data, others }
  },
}

interface Start {
  readonly name: string
  /** Milliseconds. */
  readonly listening: number
  readonly answered: number
  readonly others: number
}

async function startOnce({ issuer, start, say }: Bench, contestant: Contestant): Promise<Start> {
  const token = issuer.token(claimsOf(issuer))
  const others = watchOthers()
  const { name, port, server, startTime: listening } = await start(contestant)
  const listensAt = performance.now()
  const answer = await sendOne(port, request({ token }), { settle: 0 })
  const answered = listening + (performance.now() - listensAt)
  await server.stop()
  if (answer.status !== 200) throw new Error(`${name} first answered with ${answer.status}`)
  say(`  ${name}: ${figure(listening)} ms`)
  return { name, listening, answered, others: others() }
}
