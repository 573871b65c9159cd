import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import {
  dataSourceExchange,
  GRADES_API,
  get,
  jwtFor,
  loggedIn,
  postAs,
  startDemo,
} from './support.ts'

let feide: Running
let url: string
beforeAll(async () => {
  feide = await startDemo()
  url = `${feide.url}/groups/me/groups`
})
afterAll(() => feide.close())

const ORG = 'fc:org:example.no'
const UNIT = 'fc:org:example.no:unit:BIO'
const PROGRAM = 'fc:fs:fs:prg:example.no:BOT'
const COURSE = 'fc:fs:fs:emne:example.no:BOT1000:1'
const AD_HOC = 'fc:adhoc:4c1f5a52-3a6e-4f0b-9d0f-7c8f6f3b2a11'
const EVERY = 'groups-org groups-edu groups-other'

const idsOf = (body: unknown): readonly string[] =>
  (body as readonly { id: string }[]).map(({ id }) => id)

describe('the groups of a user', () => {
  test("come in the shape of Feide's groups API", async () => {
    const { status, body } = await get(url, await loggedIn(feide, EVERY))
    expect([status, body]).toEqual([
      200,
      [
        {
          id: ORG,
          type: 'fc:org',
          displayName: 'Eksempeluniversitetet',
          public: false,
          orgType: ['higher_education'],
          eduOrgLegalName: 'Eksempeluniversitetet AS',
          norEduOrgNIN: 'NO999999999',
          mail: 'post@example.no',
          membership: {
            basic: 'admin',
            displayName: 'Akademisk ansatt',
            affiliation: ['member', 'employee', 'faculty'],
            primaryAffiliation: 'employee',
          },
        },
        {
          id: UNIT,
          type: 'fc:orgunit',
          displayName: 'Institutt for biologi',
          public: false,
          parent: ORG,
          membership: { basic: 'member', primaryOrgUnit: true },
        },
        {
          id: AD_HOC,
          type: 'voot:ad-hoc',
          displayName: 'Herbariet',
          description: 'De som rydder i herbariet',
          membership: { basic: 'owner' },
        },
      ],
    ])
  })

  test.each([
    ['groups-org', 'bjorn', [ORG, UNIT]],
    ['groups-other', 'bjorn', [AD_HOC]],
    ['groups-edu', 'bjorn', []],
    ['groups-edu', 'kari', [PROGRAM]],
    [EVERY, 'kari', [ORG, PROGRAM]],
  ])('with %s are those that the scopes are about (%s)', async (scope, user, ids) => {
    expect(idsOf((await get(url, await loggedIn(feide, scope, user))).body)).toEqual(ids)
  })

  test('that are over come with showAll=true only', async () => {
    const token = await loggedIn(feide, 'groups-edu', 'kari')
    expect(idsOf((await get(`${url}?showAll=true`, token)).body)).toEqual([PROGRAM, COURSE])
    expect(idsOf((await get(`${url}?showAll=false`, token)).body)).toEqual([PROGRAM])
  })

  test('can be asked for one by one: the membership', async () => {
    const token = await loggedIn(feide, 'groups-org', 'kari')
    expect(await get(`${url}/${encodeURIComponent(ORG)}`, token)).toMatchObject({
      status: 200,
      body: { basic: 'member', affiliation: ['member', 'student'], primaryAffiliation: 'student' },
    })
    for (const other of [UNIT, PROGRAM, 'fc:org:none.example', '__proto__'])
      expect((await get(`${url}/${encodeURIComponent(other)}`, token)).status).toBe(404)
  })
})

describe('the groups API refuses', () => {
  const MESSAGE = { message: expect.stringMatching(/./) }

  test('no token', async () => {
    const refused = { status: 401, challenge: 'Bearer realm="Feide"', body: MESSAGE }
    expect(await get(url)).toEqual(refused)
    expect(await get(`${url}/${ORG}`)).toEqual(refused)
  })

  test('a bad token', async () => {
    expect(await get(url, 'd1d5d2f0')).toEqual({
      status: 401,
      challenge: 'Bearer realm="Feide", error="invalid_token"',
      body: MESSAGE,
    })
  })

  test('a token without a scope about groups', async () => {
    expect(await get(url, await loggedIn(feide, 'openid profile'))).toEqual({
      status: 403,
      challenge: 'Bearer realm="Feide", error="insufficient_scope", scope="groups-org"',
      body: MESSAGE,
    })
  })

  test('a token that is bound to no user with 403, as the documentation has it', async () => {
    const exchange = dataSourceExchange(feide, await jwtFor(feide))
    const { body } = await postAs(feide, GRADES_API, exchange)
    expect(await get(url, String(body.access_token))).toEqual({
      status: 403,
      challenge: 'Bearer realm="Feide"',
      body: MESSAGE,
    })
  })
})
