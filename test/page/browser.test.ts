import { existsSync, readFileSync } from 'node:fs'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { CLIENT_ID } from '../support/issuer.ts'
import { startWorld, type World } from '../support/world.ts'

/** The page in a real browser: as it comes, as it changes, by keyboard, and as axe-core sees it. */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const CHROMIUM = '/usr/bin/chromium'
const missing = !existsSync(CHROMIUM)
if (missing) console.warn(`SKIPPED: the page needs ${CHROMIUM}`)

let world: World
let browser: Browser
beforeAll(async () => {
  if (missing) return
  world = await startWorld()
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
  })
})
afterAll(async () => {
  await browser?.close()
  await world?.stop()
})

const url = () => `http://127.0.0.1:${world.gateway.adminPort}/`
const refuse = (id: string, target = '/courses') =>
  world.ask({
    target,
    headers: { 'X-Request-Id': id },
    token: world.issuer.token({ scope: 'audit' }),
  })

/** What the browser had to complain about. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() !== 'log') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('requestfailed', request => {
    // Streams end when the page is left.
    if (!request.url().endsWith('/events')) complaints.push(`failed: ${request.url()}`)
  })
  return complaints
}

/** Presses Tab until something is focused, as somebody without a mouse does. */
async function tabTo(page: Page, selector: string): Promise<void> {
  const isThere = () =>
    page
      .locator(selector)
      .first()
      .evaluate(element => element === element.ownerDocument.activeElement)
  for (let i = 0; i < 100 && !(await isThere()); i++) await page.keyboard.press('Tab')
  expect(await isThere(), selector).toBe(true)
}

describe.skipIf(missing)('with JavaScript', () => {
  let page: Page
  let complaints: string[]
  beforeEach(async () => {
    page = await browser.newPage()
    complaints = complaintsOf(page)
    await page.goto(url())
    await page.getByText('Live: new figures every 3 s.').waitFor()
  })
  afterEach(async () => {
    await page.close()
    expect(complaints).toEqual([])
  })

  test('it says at a glance that everything works', async () => {
    expect(await page.title()).toBe('feide-gateway')
    expect(await page.getByRole('status').textContent()).toContain('Everything works')
    const names = await page.getByRole('heading', { level: 2 }).allTextContents()
    expect(names).toEqual([
      'State',
      'Traffic in the last 15 minutes',
      'Routes',
      'Refusals',
      'Explain a request',
    ])
  })

  test('a request is counted while one looks on', async () => {
    const row = page.locator('#routes tr', { hasText: 'GET /health' }).locator('td').first()
    const before = Number(await row.textContent())
    for (let i = 0; i < 3; i++) await world.ask({ target: '/health' })
    await expect.poll(() => row.textContent(), { timeout: 20_000 }).toBe(String(before + 3))
    const chart = page.getByRole('img', { name: /^Requests per second in the last 15 minutes/ })
    await expect
      .poll(() => chart.getAttribute('aria-label'), { timeout: 20_000 })
      .toMatch(/allowed: [\d.]+\/s now, 0*[1-9.][\d.]*\/s at most/)
    expect(await chart.locator('path').nth(1).getAttribute('d')).toMatch(/^M\d/)
  })

  test('a refusal appears with its reason, and one that is open stays open', async () => {
    await refuse('seen-1')
    const first = page.locator('#refusals li', { hasText: 'seen-1' })
    await first.locator('summary').click({ timeout: 20_000 })
    const why = first.locator('.why')
    await why.waitFor()
    expect(await why.textContent()).toContain('The token lacks a scope that this route asks for.')
    expect(await why.textContent()).toMatch(/Needed\s*a token with read/)
    expect(await why.textContent()).toMatch(/The token has\s*audit; it speaks for a user/)
    expect(await first.locator('summary').textContent()).toContain(CLIENT_ID)
    await first.locator('summary').focus()
    await refuse('seen-2')
    await page.locator('#refusals li', { hasText: 'seen-2' }).waitFor({ timeout: 20_000 })
    expect(await page.locator('#refusals li').first().textContent()).toContain('seen-2')
    expect(await why.isVisible()).toBe(true)
    const summary = first.locator('summary')
    expect(await summary.evaluate(one => one === one.ownerDocument.activeElement)).toBe(true)
  })

  test('trouble is shown while one looks on, and gone when it is mended', async () => {
    const good = readFileSync(world.gateway.policyFile, 'utf8')
    world.gateway.writePolicy(good.replace('scopes:', 'scoops:'))
    const status = page.getByRole('status')
    await expect
      .poll(() => status.textContent(), { timeout: 20_000 })
      .toContain('The policy file has faults: the policy from before them is in force.')
    const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Policy' }) })
    expect(await card.textContent()).toContain('expected a known key, got "scoops"')
    world.gateway.writePolicy(good)
    await expect.poll(() => status.textContent(), { timeout: 20_000 }).toContain('Everything works')
  })

  test('a request is explained without leaving the page, and the token stays where it was typed', async () => {
    const token = world.issuer.token({ scope: 'audit' })
    await page.getByLabel('Path, or whole address').fill('/courses')
    await page.getByLabel('Token, or claims as JSON').fill(token)
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByRole('heading', { name: 'Refused: 403 scope_missing' }).waitFor()
    expect(page.url()).toBe(url())
    expect(await page.locator('#token').inputValue()).toBe(token)
    const answer = page.locator('#answer')
    expect(await answer.textContent()).toContain('a token with read')
    expect(await answer.evaluate(one => one === one.ownerDocument.activeElement)).toBe(true)
    await page.getByLabel('Path, or whole address').fill('/me')
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByRole('heading', { name: 'Allowed' }).waitFor()
    expect(await answer.textContent()).toContain('X-Dataporten-scopes: audit')
  })

  test('everything can be done by keyboard alone', async () => {
    await refuse('by-keyboard')
    await page.locator('#refusals li', { hasText: 'by-keyboard' }).waitFor({
      state: 'attached',
      timeout: 20_000,
    })
    await tabTo(page, 'nav a[href="#explain"]')
    await tabTo(page, '#refusals summary')
    await page.keyboard.press('Enter')
    await page.locator('#refusals li').first().locator('.why').waitFor()
    await tabTo(page, '#method')
    await page.keyboard.type('DEL')
    await tabTo(page, '#url')
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('/courses')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Refused: 405 method_not_allowed' }).waitFor()
  })
})

describe.skipIf(missing)('when the gateway is gone', () => {
  test('the page says so', async () => {
    const other = await startWorld()
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${other.gateway.adminPort}/`)
    await page.getByText('Live: new figures').waitFor()
    await other.stop()
    await page.getByText('Not live').waitFor()
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByText('The gateway did not answer').waitFor()
    await page.close()
  })
})

describe.skipIf(missing)('without JavaScript', () => {
  test('the page is whole, and explains', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await refuse('without-script')
    await expect
      .poll(async () => {
        await page.goto(url())
        return page.locator('#refusals li', { hasText: 'without-script' }).count()
      })
      .toBe(1)
    await page.locator('#refusals summary').first().click()
    expect(await page.locator('#refusals .why').first().isVisible()).toBe(true)
    expect(await page.getByText('Load the page again for newer figures.').isVisible()).toBe(true)
    const token = world.issuer.token({ scope: 'read' })
    await page.getByLabel('Path, or whole address').fill('/courses')
    await page.getByLabel('Token, or claims as JSON').fill(token)
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByRole('heading', { name: 'Allowed' }).waitFor()
    expect(await page.getByLabel('Path, or whole address').inputValue()).toBe('/courses')
    expect(await page.locator('#token').inputValue()).toBe('')
    expect(await page.content()).not.toContain(token.split('.')[1])
    await context.close()
  })
})

describe.skipIf(missing)('behind a secret', () => {
  test('a browser is let in with it, live and with the form', async () => {
    const secret = 'a-secret-of-the-page'
    const other = await startWorld({ admin: { listen: '0.0.0.0:0', secret } })
    const context = await browser.newContext({
      httpCredentials: { username: 'operator', password: secret },
    })
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${other.gateway.adminPort}/`)
    await page.getByText('Live: new figures').waitFor()
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByRole('heading', { name: 'Refused: 404 route_unknown' }).waitFor()
    await context.close()
    await other.stop()
  })
})

describe.skipIf(missing)('axe-core finds nothing, and nothing is wider than the screen', () => {
  test.for([
    ['light', 375],
    ['light', 1280],
    ['dark', 375],
    ['dark', 1280],
  ] as const)('%s, %d px', async ([colorScheme, width]) => {
    const context = await browser.newContext({
      colorScheme,
      bypassCSP: true,
      viewport: { width, height: 900 },
    })
    const page = await context.newPage()
    await refuse(`axe-${colorScheme}-${width}`)
    await page.goto(url())
    await page.getByText('Live: new figures').waitFor()
    await page.locator('#refusals li').first().waitFor({ timeout: 20_000 })
    await page.locator('.more > summary').click()
    await page.locator('#refusals summary').first().click()
    await page.locator('#url').fill('/me')
    await page.locator('#token').fill(world.issuer.token())
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByRole('heading', { name: 'Allowed' }).waitFor()
    await page.evaluate(axe.source)
    const found: string[] = await page.evaluate(
      'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" | ")))',
    )
    expect(found).toEqual([])
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )
    expect(overflow).toBe(0)
    await context.close()
  })
})
