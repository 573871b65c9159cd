/**
 * Whether a request is one of the fraction whose line is written. By its id alone: gateways behind each
 * other, which share the id, agree.
 *
 * @param fraction from 0 to 1
 */
export const isSampled = (requestId: string, fraction: number): boolean =>
  fraction >= 1 || hash(requestId) < fraction * 2 ** 32

/** FNV-1a of 32 bits, then MurmurHash3's last step: without it, ids that differ at the end lie close. */
function hash(text: string): number {
  let bits = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193)
  }
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
