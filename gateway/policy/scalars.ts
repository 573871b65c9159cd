import { z } from 'zod'

/**
 * The scalars of the policy file. The message of each is what was expected, so that every fault reads
 * `expected X, got Y`; the pattern of each ends up in the JSON Schema.
 */

/** A string of a certain form; `expected` completes "expected …". */
export const text = (pattern: RegExp, expected: string) =>
  z.string({ error: expected }).regex(pattern, { error: expected, abort: true })

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const DURATION = /^0*[1-9]\d{0,9}(ms|s|m|h)$/

/** `250ms`, `5s`, `10m`, `24h` -> milliseconds. */
export const duration = () =>
  text(DURATION, 'a duration above zero such as 250ms, 5s, 10m or 24h').transform(value => {
    const unit = (DURATION.exec(value)?.[1] ?? 'ms') as keyof typeof UNITS
    return Number.parseInt(value, 10) * UNITS[unit]
  })

const SIZES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const
const SIZE = /^0*[1-9]\d{0,9}(B|KiB|MiB|GiB)$/

/** `64KiB`, `10MiB` -> bytes; at least and at most, where those are given. */
export const size = (least?: string, most?: string) => {
  const expected =
    least && most ? `a size from ${least} to ${most}` : 'a size above zero such as 64KiB or 10MiB'
  return text(SIZE, expected)
    .transform(bytesOf)
    .refine(bytes => !least || !most || (bytes >= bytesOf(least) && bytes <= bytesOf(most)), {
      error: expected,
    })
}

function bytesOf(value: string): number {
  const unit = (SIZE.exec(value)?.[1] ?? 'B') as keyof typeof SIZES
  return Number.parseInt(value, 10) * SIZES[unit]
}

/** A whole number. */
export const count = (least: number, most?: number) => {
  const expected =
    most === undefined
      ? `a whole number ${least === 0 ? 'from zero' : 'above zero'}`
      : `a whole number from ${least} to ${most}`
  const number = z.int({ error: expected }).min(least, { error: expected })
  return most === undefined ? number : number.max(most, { error: expected })
}

/** A part of a whole. */
export const fraction = () => {
  const expected = 'a number from 0 to 1'
  return z.number({ error: expected }).min(0, { error: expected }).max(1, { error: expected })
}

/** A file in PEM form (RFC 7468), relative to the policy file, or its text. What is in it is checked in `pem.ts`. */
export const pem = (what: string) => text(/^[^\0]+$/, `a PEM file with ${what}`)

export interface Address {
  readonly host: string
  readonly port: number
}

const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/

/** `127.0.0.1:8080`, `[::1]:8080` -> host and port; port 0 is any free one. */
export const address = () =>
  text(ADDRESS, 'an address such as 127.0.0.1:8080').transform((value, context): Address => {
    const [, host = '', port = ''] = ADDRESS.exec(value) ?? []
    if (Number(port) > 65_535) {
      context.addIssue({ code: 'custom', message: 'a port of at most 65535' })
    }
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  })

/** An absolute http or https URL without credentials, query and fragment; kept byte for byte. */
export const httpUrl = (expected = 'an http:// or https:// URL without user, query and fragment') =>
  text(/^https?:\/\/[^/\s][!-~]*$/, expected).refine(isPlainHttpUrl, { error: expected })

function isPlainHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false
  const url = new URL(value)
  return !url.username && !url.password && !/[?#\\]/.test(value)
}

/** What RFC 9110 §5.6.2 calls a token: the name of a header. */
export const headerName = () => text(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'the name of a header')

/** Text that goes into a header as it is: visible ASCII, with spaces inside. */
export const headerText = () => text(/^[!-~](?:[ -~]*[!-~])?$/, 'visible ASCII characters')

/** A scope of RFC 6749 §3.3, without comma, at which old APIs split. */
export const scope = () =>
  text(/^[!#-+\--[\]-~]+$/, 'a scope: visible ASCII without space, comma, quote and backslash')

export const hostName = () =>
  text(
    /^(?:\[[0-9a-fA-F:.]+\]|(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+\.?)$/,
    'a host name without port, such as grades.example.no',
  ).transform(name => name.toLowerCase().replace(/\.$/, ''))

const CIDR = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/

/** An IP address or range: `10.0.0.0/8`, `2001:db8::/32`, `127.0.0.1`. */
export const ipRange = () => text(CIDR, 'an IP address or range such as 10.0.0.0/8')

/** A default is given as it stands in the file, so that the JSON Schema shows it that way. */
export const flag = (value: boolean) => z.boolean().default(value)
export const time = (value: string) => duration().prefault(value)
export const list = <T extends z.ZodType>(item: T, expected: string) =>
  z.array(item).min(1, { error: expected })
