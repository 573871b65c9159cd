import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { type GatewayChild, startGateway } from '../../docker/local-stack/gateway-child.ts'

const LISTENING = `console.log('{"msg":"listening"}');`
const STAY = 'setInterval(() => {}, 1000);'

let started: GatewayChild | undefined
afterEach(() => started?.stop())

const start = (script: string): GatewayChild => {
  started = startGateway({ env: { GREETING: 'hello' }, args: ['-e', script] })
  return started
}

test('is ready when both listeners have said so, and nothing of the output is lost', async () => {
  const child = start(`${LISTENING} setTimeout(() => {
    ${LISTENING} console.log(process.env.GREETING); setTimeout(() => process.exit(0), 50)
  }, 50)`)
  expect(await child.ready).toBe(true)
  expect(await text(child.output)).toBe('{"msg":"listening"}\n{"msg":"listening"}\nhello\n')
})

test('is not ready when it ends before, and says with what status', async () => {
  const child = start(`${LISTENING} process.exit(7)`)
  expect(await child.ready).toBe(false)
  expect(await child.exited).toBe(7)
})

test('a signal is reported as shells count', async () => {
  const child = start(`process.kill(process.pid, 'SIGKILL')`)
  expect(await child.exited).toBe(137)
})

test('stops on SIGTERM, with the status that it chooses', async () => {
  const child = start(
    `process.on('SIGTERM', () => process.exit(0)); ${LISTENING.repeat(2)} ${STAY}`,
  )
  await child.ready
  await child.stop()
  expect(await child.exited).toBe(0)
})

test('is killed when it does not listen to SIGTERM', async () => {
  const child = start(`process.on('SIGTERM', () => {}); ${LISTENING.repeat(2)} ${STAY}`)
  await child.ready
  await child.stop()
  expect(await child.exited).toBe(137)
})

test('the channel to the parent does not keep it alive', async () => {
  expect(await start(LISTENING).exited).toBe(0)
})
