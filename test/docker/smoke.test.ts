import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ROOT } from '../support/gateway.ts'

let bin: string
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'feide-gateway-bin-'))
})
afterEach(() => rmSync(bin, { recursive: true, force: true }))

/** A program that ends with a status. */
const put = (name: string, status: number) => {
  const file = join(bin, name)
  writeFileSync(file, `#!/bin/sh\nexit ${status}\n`)
  chmodSync(file, 0o755)
}

/** The smoke test where these programs are all that there is. */
const smoke = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync('/bin/bash', [`${ROOT}docker/smoke.sh`, ...args], {
    env: { PATH: bin },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe('docker/smoke.sh', () => {
  test('says that there is no docker, and ends with 3', () => {
    const stderr =
      'smoke: there is no docker command here: install Docker\nsmoke: nothing was tried\n'
    expect(smoke()).toEqual({ status: 3, stdout: '', stderr })
  })

  test('says that no engine answers, and ends with 3', () => {
    put('docker', 1)
    put('curl', 0)
    const { status, stderr } = smoke()
    expect([status, stderr]).toEqual([3, expect.stringContaining('no Docker engine answers')])
  })

  test('says that there is no compose of either kind, and ends with 3', () => {
    put('curl', 0)
    writeFileSync(join(bin, 'docker'), '#!/bin/sh\n[ "$1" = info ]\n', { mode: 0o755 })
    const { status, stderr } = smoke()
    expect([status, stderr]).toEqual([3, expect.stringContaining('neither docker compose nor')])
  })

  test('takes no argument: another use is wrong, and ends with 2', () => {
    expect(smoke('--fast')).toEqual({ status: 2, stdout: '', stderr: 'usage: docker/smoke.sh\n' })
  })
})

test.each(
  readdirSync(`${ROOT}docker`, { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.sh'),
  ),
)('bash can read docker/%s', file => {
  const { status, stderr } = spawnSync('bash', ['-n', `${ROOT}docker/${file}`], {
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([0, ''])
})
