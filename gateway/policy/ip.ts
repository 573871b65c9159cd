import { BlockList, isIP } from 'node:net'

/** `::ffff:127.0.0.1` -> `127.0.0.1`: how a dual-stack socket names an IPv4 peer. */
export const plainAddress = (address: string): string =>
  /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Whether a text is an IP address, or one with a prefix length that fits it. */
export function isIpRange(text: string): boolean {
  const [address = '', prefix] = text.split('/')
  const family = isIP(address)
  // An IPv4 peer is one, however a dual-stack socket names it: to be listed as such.
  if (family === 0 || /^::ffff:/i.test(address)) return false
  return prefix === undefined || Number(prefix) <= (family === 4 ? 32 : 128)
}

/** Addresses and ranges, one list for each family: to a common one `::/0` would hold all of IPv4. */
export interface IpRanges {
  readonly ipv4: BlockList
  readonly ipv6: BlockList
}

/** Compiles addresses and ranges; expects what `isIpRange` accepts. */
export function compileRanges(ranges: readonly string[]): IpRanges {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    const family = familyOf(address)
    if (prefix === undefined) lists[family].addAddress(address, family)
    else lists[family].addSubnet(address, Number(prefix), family)
  }
  return lists
}

export const inRanges = (ranges: IpRanges, address: string): boolean => {
  const plain = plainAddress(address)
  const family = familyOf(plain)
  return isIP(plain) !== 0 && ranges[family].check(plain, family)
}

/** Whether the host of a URL is this machine: `localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  return hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

const PRIVATE = compileRanges([
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '127.0.0.0/8'],
  ...['fc00::/7', 'fe80::/10', '::1'],
])

/** Names that no public DNS has (RFC 6762, RFC 8375, ICANN's `internal`), and those inside Kubernetes. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa|svc)$/

/** Whether the host of a URL is on this machine or on a network of the operator's own. */
export function isPrivate(url: string): boolean {
  const hostname = new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  if (isIP(hostname) !== 0) return inRanges(PRIVATE, hostname)
  return !hostname.includes('.') || PRIVATE_NAME.test(hostname)
}

/** Whether keys may be fetched from a URL: https, or http where it cannot be read on the way. */
export const isSafeForKeys = (url: string, allowHttp: boolean): boolean =>
  url.startsWith('https://') || (url.startsWith('http://') && (allowHttp || isLoopback(url)))
