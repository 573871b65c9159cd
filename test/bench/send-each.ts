import { Agent, get } from 'node:http'

/** Requests under way at a time. */
const AT_ONCE = 64

/** Sends one request with each of these tokens; rejects when one of them is not answered with 200. */
export async function sendEach(port: number, tokens: readonly string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const left = tokens.values()
  const sender = async () => {
    for (const token of left) await sendOne(agent, port, token)
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, sender))
  } finally {
    agent.destroy()
  }
}

function sendOne(agent: Agent, port: number, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    const request = get({ host: '127.0.0.1', port, path: '/courses', agent, headers }, answer => {
      answer.resume()
      answer.once('error', reject)
      answer.once('end', () => {
        if (answer.statusCode === 200) resolve()
        else reject(new Error(`answered with ${answer.statusCode}`))
      })
    })
    request.once('error', reject)
  })
}
