import type { Route } from '../../model.ts'
import { describeRoute } from '../../policy/describe.ts'
import { ANY_METHODS } from '../../policy/routes.ts'
import type { Part } from './access.ts'
import type { Change, Kind } from './changes.ts'
import { OTHER_METHOD, PREFLIGHT } from './pairs.ts'

/** The heading of each kind of change, in the order in which they are told. */
export const HEADINGS: Readonly<Record<Kind, string>> = {
  opened: 'newly reachable',
  closed: 'no longer reachable',
  looser: 'looser',
  stricter: 'stricter',
  mixed: 'looser for some, stricter for others',
  marks: 'let through as before, but marked otherwise (enforce: false)',
}

/** `GET,POST`, `ANY`, `ANY but GET`; HEAD goes without saying where GET is. */
export function describeMethods(methods: readonly string[]): string {
  const own = methods.filter(method => method !== OTHER_METHOD && method !== PREFLIGHT)
  const plain = own.includes('GET') ? own.filter(method => method !== 'HEAD') : own
  const preflights = methods.includes(PREFLIGHT) && !own.includes('OPTIONS') ? ['preflights'] : []
  if (!methods.includes(OTHER_METHOD)) return [...plain, ...preflights].join(',')
  const without = ANY_METHODS.filter(method => !own.includes(method))
  const said = without.includes('GET') ? without.filter(method => method !== 'HEAD') : without
  return said.length === 0 ? 'ANY' : `ANY but ${said.join(',')}`
}

/** What was asked for, and what is: one where nothing was there before, or is now. */
export function describeChange({ pair: { old, new: next, open } }: Change): string {
  const before = open === 'old' ? NO_TOKEN : old && describeRoute(old)
  const after = open === 'new' ? NO_TOKEN : next && describeRoute(next)
  if (before === undefined || after === undefined) return before ?? after ?? ''
  return before === after ? after : `${before} -> ${after}`
}

const NO_TOKEN = 'preflights without a token'

/** What neither description shows: which clients, which audiences, whose opaque tokens. */
export function detailsOf({ parts, pair: { old, new: next } }: Change): string[] {
  if (!old || !next) return []
  return parts.flatMap(([part]) => {
    const [a, b] = [listOf(part, old), listOf(part, next)]
    if (!a || !b) return part === 'exchange' ? [exchangeDetail(old, next)] : []
    const gone = a.filter(one => !b.includes(one)).map(one => `-${one}`)
    const come = b.filter(one => !a.includes(one)).map(one => `+${one}`)
    return [`${part}: ${[...come, ...gone].join(' ')}`]
  })
}

function listOf(part: Part, { dataSource, clients }: Route): readonly string[] | undefined {
  if (part === 'audience') return dataSource.audiences
  return part === 'clients' && clients ? [...clients] : undefined
}

function exchangeDetail({ dataSource: a }: Route, { dataSource: b }: Route): string {
  if (!a.exchange) return 'exchange: opaque tokens are taken'
  return b.exchange ? 'exchange: with other words to Feide' : 'exchange: opaque tokens are refused'
}
