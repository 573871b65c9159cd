import { CLAIM, type Claims, type Issuer } from '../support/issuer.ts'
import type { Random } from './random.ts'
import { CLIENTS, SOURCES, type Source } from './sources.ts'

/** Whom a token speaks for, and what else it says. */
export type Person = {
  readonly clientId: string
  /** Absent: the client speaks for itself. */
  readonly userId?: string
  readonly scopes: readonly string[]
  readonly principalName?: string
  readonly nin?: string
  readonly secondary?: readonly string[]
  readonly name?: string
  readonly role?: string
  readonly groups?: readonly string[]
}

export type Token = {
  readonly text: string
  readonly person: Person
  /** Ids of the data sources that it is for. */
  readonly sources: ReadonlySet<string>
  /** Seconds since the epoch. */
  readonly from: number
  readonly until: number
}

export type Tokens = {
  /** Good ones for a data source, all through. */
  readonly good: Readonly<Record<string, readonly Token[]>>
  /** One that is good for some seconds only: which one, counted from the one that is good now. */
  brief(source: Source, from: number): Token
}

const USERS_EACH = 60
const SYSTEMS_EACH = 12
/** Seconds: how long a brief token lives, and how many lie between two. */
const BRIEF = { life: 20, step: 10 }
const DAY = 86_400

const seconds = () => Math.floor(Date.now() / 1000)

/** Signs the tokens in advance: a signature costs more than a request. */
export function createTokens(issuer: Issuer, random: Random): Tokens {
  const start = seconds()
  const lasting = (source: Source, isUser: boolean) =>
    sign(issuer, random, source, createPerson(random, isUser), [start - 30, start + DAY])
  const good = SOURCES.map(source => [
    source.id,
    [
      ...Array.from({ length: USERS_EACH }, () => lasting(source, true)),
      ...Array.from({ length: SYSTEMS_EACH }, () => lasting(source, false)),
    ],
  ])
  const briefs = new Map<string, Token>()
  const brief = (source: Source, from: number): Token => {
    const index = Math.floor((seconds() - start) / BRIEF.step) + from
    const name = `${source.id} ${index}`
    const known = briefs.get(name)
    if (known !== undefined) return known
    const own = random.fork(1000 * (index + 100) + SOURCES.indexOf(source))
    const begin = start + index * BRIEF.step
    const person = createPerson(own, own.chance(0.8))
    const made = sign(issuer, own, source, person, [begin, begin + BRIEF.life])
    briefs.set(name, made)
    return made
  }
  return { good: Object.fromEntries(good), brief }
}

function sign(
  issuer: Issuer,
  random: Random,
  source: Source,
  person: Person,
  [from, until]: readonly [number, number],
): Token {
  const others = random.chance(0.2) ? [random.pick(SOURCES)] : []
  const sources = [...new Set([source, ...others])]
  const scope = person.scopes.length > 0 || random.chance(0.5) ? person.scopes : undefined
  const text = issuer.token({
    ...claimsOf(person),
    aud: sources.length > 1 ? sources.map(one => one.audience) : source.audience,
    scope: random.chance(0.2) ? scope : scope?.join(' '),
    iat: from,
    nbf: random.chance(0.9) ? from : undefined,
    exp: until,
  })
  return { text, person, sources: new Set(sources.map(one => one.id)), from, until }
}

const SCOPES = ['read', 'readall', 'append', 'admin', 'audit', 'list', 'basic', 'write', 'delete']
const NAMES = [
  'Asbjørn Hansen',
  'Ánde Sara',
  "O'Neil, Mary",
  'Łucja Żółć',
  '王小明',
  'A',
  '',
  'Name 100%',
]
const ROLES = ['student', 'employee faculty', 'member,staff', '', 'førsteamanuensis']

function createPerson(random: Random, isUser: boolean): Person {
  const clientId = random.pick(CLIENTS)
  const scopes = SCOPES.filter(() => random.chance(0.55))
  const account = `${random.word(6)}@example.no`
  const maybe = <T>(share: number, value: T) => (random.chance(share) ? value : undefined)
  const told = {
    principalName: maybe(0.8, random.chance(0.04) ? 'bjørn@example.no' : account),
    nin: maybe(0.3, String(random.below(1e9)).padStart(11, '0')),
    secondary: maybe(0.6, [`feide:${random.pick([account, 'b@example.no'])}`, 'eid:x', 'nin:1']),
    name: maybe(0.8, random.pick(NAMES)),
    role: maybe(0.7, random.chance(0.05) ? 'førsteamanuensis' : random.pick(ROLES.slice(0, 4))),
    groups: maybe(0.6, random.pick([[], ['a b'], ['fc:org:example.no', 'ø,æ']])),
  }
  const given = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined))
  const userId = isUser ? `76a7a061-${random.word(4)}-430d-8ee0-${random.word(12)}` : undefined
  return { clientId, scopes, ...given, ...(userId !== undefined && { userId }) }
}

function claimsOf(person: Person): Claims {
  const { clientId, userId, principalName, nin, secondary, name, role, groups } = person
  return {
    client_id: clientId,
    sub: userId ?? clientId,
    act: { sub: clientId },
    name,
    role,
    groups,
    [`${CLAIM}eduPersonPrincipalName`]: principalName,
    [`${CLAIM}nin`]: nin,
    [`${CLAIM}userid_sec`]: secondary,
  }
}
