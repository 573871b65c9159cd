import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Running } from '../../docker/local-stack/listen.ts'
import { PORTAL, startDemo } from '../local-stack/feide/support.ts'
import { AUDIENCE, BJORN, eventually, freePorts, ROOT } from '../local-stack/support.ts'

/** A person at a terminal (tmux), who logs in with a browser (Chromium), by keyboard alone. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const CHROMIUM = '/usr/bin/chromium'
const hasTmux = () => {
  try {
    execFileSync('tmux', ['-V'])
    return true
  } catch {
    return false
  }
}
const missing = [!existsSync(CHROMIUM) && CHROMIUM, !hasTmux() && 'tmux'].filter(Boolean)
if (missing.length > 0) console.warn(`SKIPPED: a login needs ${missing.join(' and ')}`)

const SESSION = `feide-gateway-${process.pid}`
const tmux = (...args: string[]): string =>
  execFileSync('tmux', ['-L', SESSION, ...args], { encoding: 'utf8' })
/** Lines that are wrapped on the screen come back whole. */
const screen = () => tmux('capture-pane', '-p', '-J', '-S', '-200', '-t', SESSION)

/** Waits for what the screen is to show; where it does not, the failure says what it shows. */
async function shows(what: RegExp): Promise<RegExpExecArray> {
  await eventually(() => what.test(screen()), 60_000)
  const text = screen()
  expect(text).toMatch(what)
  return what.exec(text) as RegExpExecArray
}

let feide: Running
let browser: Browser
beforeAll(async () => {
  if (missing.length > 0) return
  feide = await startDemo()
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
  })
  tmux('new-session', '-d', '-s', SESSION, '-x', '120', '-y', '40', 'env', 'PS1=ready> ', 'sh')
})
afterAll(async () => {
  if (missing.length > 0) return
  tmux('kill-server')
  await browser?.close()
  await feide?.close()
})

test.skipIf(missing.length > 0)(
  'token asks for the secret, shows nothing of it, and prints who logged in',
  async () => {
    const [port] = await freePorts(1)
    const command = [
      `cd '${ROOT}' && node_modules/.bin/node gateway/main.ts token --login --decode`,
      `--issuer ${feide.url} --client-id ${PORTAL.id} --audience ${AUDIENCE}`,
      `--redirect-port ${port}; echo status=$?`,
    ].join(' ')
    tmux('send-keys', '-t', SESSION, command, 'Enter')
    await shows(/^Client secret: /m)
    tmux('send-keys', '-t', SESSION, PORTAL.secret, 'Enter')
    const [, address = ''] = await shows(/^ {2}(http:\/\/\S+)$/m)

    const page = await browser.newPage()
    await page.goto(address)
    expect(await page.title()).toContain('Log in to')
    expect(await page.textContent('body')).toContain('stand-in')
    const bjorn = page.getByRole('button', { name: /Bjørn/ })
    while (!(await bjorn.evaluate(button => button === button.ownerDocument.activeElement))) {
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.waitForURL(`http://127.0.0.1:${port}/callback?**`)
    expect(await page.getByRole('heading').textContent()).toContain('You are logged in.')

    await shows(/^status=\d/m)
    expect(screen()).toMatch(/^status=0$/m)
    expect(screen()).toContain(`"sub": "${BJORN}"`)
    expect(screen()).not.toContain(PORTAL.secret)
  },
  240_000,
)
