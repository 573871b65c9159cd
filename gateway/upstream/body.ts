import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { type Denial, deny } from '../policy/denial.ts'

/** Longer waits overflow Node's timers, which then fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1

export interface BodyLimits {
  /** Bytes. */
  readonly maxBody: number
  /** Milliseconds that a caller may pause. */
  readonly bodyIdle: number
  /** Milliseconds that the upstream may leave the body unread. */
  readonly upstreamIdle: number
}

/** A body on its way to the upstream: measured, and watched on both sides. */
export function meterBody(
  incoming: IncomingMessage,
  { maxBody, bodyIdle, upstreamIdle }: BodyLimits,
  refuse: (denial: Denial) => void,
): Transform {
  let bytes = 0
  let stalled = 0
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      stalled = 0
      watch.refresh()
      if (bytes <= maxBody) done(null, chunk)
      else refuse(deny('body_too_large', 'The body is larger than this API takes'))
    },
  })
  const watch = setTimeout(onIdle, Math.min(bodyIdle, LONGEST_TIMER))
  function onIdle() {
    if (meter.readableLength === 0) {
      refuse(deny('request_timeout', 'The body of the request stopped coming'))
      return
    }
    stalled += bodyIdle
    if (stalled >= upstreamIdle) refuse(deny('upstream_timeout', 'The upstream stopped reading'))
    else watch.refresh()
  }
  meter.once('close', () => clearTimeout(watch))
  incoming.pipe(meter)
  return meter
}
