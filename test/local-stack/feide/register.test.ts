import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { parseRegister, readRegister } from '../../../docker/local-stack/feide/register.ts'
import { ROOT } from '../support.ts'
import { SOUND } from './register-sound.ts'

/** The faults of a text; none when it is taken. */
const faultsOf = (text: string): readonly string[] => {
  try {
    parseRegister(text)
    return []
  } catch (error) {
    return error instanceof Error ? error.message.split('\n') : []
  }
}

test('a sound file has no faults, and the demo is one', () => {
  expect(faultsOf(SOUND)).toEqual([])
  expect(faultsOf(readFileSync(`${ROOT}docker/local-stack/feide.yaml`, 'utf8'))).toEqual([])
})

const SECRET = '    secret: secret-of-planner\n'
const REDIRECTS = '    redirectUris: [http://127.0.0.1/callback]\n'

describe('a fault is told with its place and what was expected:', () => {
  test.each<[string, string, string, string[]]>([
    [
      'another audience',
      'audience: https://n.feide',
      'audience: https://feide',
      [
        '3:15: dataSources.exams.audience: expected https://n.feide.no/datasources/<id>, got "https://feide.no/datasources/1"',
      ],
    ],
    [
      'an id of a data source',
      '  exams:',
      '  Exams:',
      [
        '2:3: dataSources.Exams: expected an id of 2 to 63 small letters, digits and hyphens, got "Exams"',
      ],
    ],
    [
      'a short secret, which is not shown',
      'secret-of-planner',
      'short',
      [
        '9:13: clients.planner.secret: expected a secret of at least eight characters, got a value that is not shown here',
      ],
    ],
    [
      'a misspelt key',
      'name: Planner',
      'nam: Planner',
      [
        '7:3: clients.planner.name: expected a name, got nothing',
        '8:5: clients.planner.nam: expected a known key, got "nam"',
      ],
    ],
    [
      'a scope with a space',
      '[openid, gk',
      '[open id, gk',
      [
        '11:14: clients.planner.scopes[0]: expected a scope: visible ASCII without space, comma, quote and backslash, got "open id"',
      ],
    ],
    [
      'a misspelt access level',
      'gk_exams_read]',
      'gk_exams_raed]',
      ['11:32: clients.planner.scopes[2]: expected one of gk_exams_read, got "gk_exams_raed"'],
    ],
    [
      'an access level where there is none',
      'accessLevels: [read]',
      'accessLevels: []',
      [
        '11:32: clients.planner.scopes[2]: expected a scope of exams without access level, as it has none, got "gk_exams_read"',
      ],
    ],
    [
      'one id for a client and a data source',
      'id: api',
      'id: planner',
      ['5:19: dataSources.exams.client.id: expected an id that no other client has, got "planner"'],
    ],
    [
      'a client without secret and login',
      SECRET + REDIRECTS,
      '',
      ['7:3: clients.planner.secret: expected a secret, or `redirectUris`, got nothing'],
    ],
    [
      'a grant of a public client',
      SECRET,
      '    grants: [token_exchange, authorization_code]\n',
      [
        '9:14: clients.planner.grants[0]: expected a grant that needs no `secret`, got "token_exchange"',
      ],
    ],
    [
      'a grant of a client without redirect URIs',
      REDIRECTS,
      '    grants: [authorization_code]\n',
      [
        '10:14: clients.planner.grants[0]: expected a grant that needs no `redirectUris`, got "authorization_code"',
      ],
    ],
    [
      'redirect URIs without the grant',
      SECRET,
      `${SECRET}    grants: [token_exchange]\n`,
      [
        '11:19: clients.planner.redirectUris: expected none without the grant authorization_code, got some',
      ],
    ],
    [
      'a membership that there is not',
      'basic: member',
      'basic: boss',
      [
        '20:35: users.bjorn.groups["fc:org:example.no"].basic: expected one of member, admin, owner, got "boss"',
      ],
    ],
    [
      'a group that there is not',
      '      fc:org:example.no: { b',
      '      fc:org:other.no: { b',
      [
        '20:7: users.bjorn.groups["fc:org:other.no"]: expected the id of a group of this file, got "fc:org:other.no"',
      ],
    ],
    [
      'a parent that there is not',
      'displayName: Example',
      'displayName: Example, parent: fc:org:none',
      [
        '13:68: groups["fc:org:example.no"].parent: expected the id of a group of this file, got "fc:org:none"',
      ],
    ],
    [
      'an overlap without unit',
      'dataSources:\n',
      'keys: { overlap: 600 }\ndataSources:\n',
      ['1:18: keys.overlap: expected a duration above zero such as 250ms, 5s, 10m or 24h, got 600'],
    ],
    [
      'a variable that is not set',
      'name: Bjørn',
      ['name: $', '{NOBODY}'].join(''),
      ['17:11: users.bjorn.name: expected the environment variable NOBODY to be set, got nothing'],
    ],
    [
      'a key given twice',
      'name: Bjørn',
      'name: Bjørn\n    name: Kari',
      ['18:5: users.bjorn.name: expected each key once, got name again'],
    ],
    [
      'what is no YAML',
      'users:\n',
      'users: {\n',
      [
        '16:9: expected valid YAML, got a fault in it (Nested mappings are not allowed in compact mappings)',
      ],
    ],
  ])('%s', (_, from, to, expected) => {
    expect(SOUND).toContain(from)
    const lines = expected.map(line => `feide.yaml:${line}`)
    expect(faultsOf(SOUND.replace(from, to))).toEqual(lines)
  })

  test('an empty file', () => {
    expect(faultsOf('')).toEqual(['feide.yaml:1:1: expected a map, got nothing'])
  })

  test('two of the same', () => {
    const file = parse(SOUND)
    const audience = 'https://n.feide.no/datasources/1'
    file.dataSources.again = { audience }
    file.users.again = { ...file.users.bjorn }
    expect(faultsOf(stringify(file)).map(line => line.replace(/^\S+ /, ''))).toEqual([
      `dataSources.again.audience: expected an audience that no other data source has, got "${audience}"`,
      `users.again.id: expected an id that no other user has, got "${file.users.bjorn.id}"`,
    ])
  })

  test('a file that is not there', () => {
    expect(() => readRegister('/nowhere/feide.yaml')).toThrow(
      /nowhere\/feide\.yaml: expected a file that can be read, got ENOENT$/,
    )
  })
})

test('a variable is filled in from the environment', () => {
  const text = SOUND.replace('secret-of-planner', ['$', '{PLANNER_SECRET}'].join(''))
  const { clients } = parseRegister(text, { env: { PLANNER_SECRET: 'from-the-environment' } })
  expect(clients.get('planner')?.secret).toBe('from-the-environment')
})
