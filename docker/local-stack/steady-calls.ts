// Calls a URL again and again, each time over a new connection, until its stdin ends. Then it says
// how many calls there were and which failed. For docker/smoke.sh, to see that none fails while
// gateways come and go. The token comes in the variable TOKEN.
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { needed } from './service.ts'

/** Milliseconds: between two calls, for one of them, and for all. */
const PAUSE = 20
const PATIENCE = 10_000
const AT_MOST = 300_000

/** What went wrong, or `undefined`. */
const call = (url: string, token: string): Promise<string | undefined> =>
  new Promise(resolve => {
    const headers = { authorization: `Bearer ${token}` }
    const request = get(url, { headers, agent: false, timeout: PATIENCE }, answer => {
      answer.resume()
      answer.on('end', () =>
        resolve(answer.statusCode === 200 ? undefined : `${answer.statusCode}`),
      )
      answer.on('error', error => resolve(error.message))
    })
    request.on('timeout', () => request.destroy(new Error('too slow')))
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })

const [url = ''] = process.argv.slice(2)
const token = needed('TOKEN')
const end = Date.now() + AT_MOST
const failures: string[] = []
let calls = 0
let ended = false
process.stdin.resume().once('end', () => {
  ended = true
})
while (!ended && Date.now() < end) {
  const failure = await call(url, token)
  calls += 1
  if (failure !== undefined) failures.push(failure)
  await sleep(PAUSE)
}
console.log(`${calls} calls, ${failures.length} failed ${failures.join(' ')}`.trimEnd())
process.exit(failures.length === 0 && calls > 0 ? 0 : 1)
