import { Transform } from 'node:stream'
import { type Denial, deny } from '../policy/denial.ts'
import { timer } from '../timer.ts'
import type { CallerBody } from './caller.ts'

export interface BodyLimits {
  /** Bytes. */
  readonly maxBody: number
  /** Milliseconds that a caller may pause. */
  readonly bodyIdle: number
  /** Milliseconds that all of it may take to arrive. */
  readonly requestTimeout: number
  /** Milliseconds that the upstream may leave the body unread. */
  readonly upstreamIdle: number
}

export interface MeteredBody {
  readonly stream: Transform
  /** Begins to read from the caller: not before the upstream takes it, so that nothing is lost. */
  readonly start: () => void
  /** Whether the caller left in the middle of it. */
  readonly hasBrokenOff: () => boolean
}

/** A body on its way to the upstream: measured, and watched on both sides. */
export function meterBody(
  incoming: CallerBody,
  { maxBody, bodyIdle, requestTimeout, upstreamIdle }: BodyLimits,
  refuse: (denial: Denial) => void,
): MeteredBody {
  let bytes = 0
  let unread = 0
  let broken = false
  const idle = timer(() => {
    if (stream.readableLength === 0) {
      refuse(deny('request_timeout', 'The body of the request stopped coming'))
      return
    }
    unread += bodyIdle
    if (unread >= upstreamIdle) refuse(deny('upstream_timeout', 'The upstream stopped reading'))
    else idle.start(bodyIdle)
  })
  const late = timer(() => {
    refuse(deny('request_timeout', 'The whole request took too long to arrive'))
  })
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      unread = 0
      idle.start(bodyIdle)
      if (bytes <= maxBody) done(null, chunk)
      else refuse(deny('body_too_large', 'The body is larger than this API takes'))
    },
  })
  stream.once('finish', late.stop)
  stream.once('close', () => {
    idle.stop()
    late.stop()
  })
  const start = () => {
    idle.start(bodyIdle)
    late.start(requestTimeout)
    incoming.pipe(stream, { end: false })
    // What breaks off must not reach the upstream as a whole body.
    const end = () => {
      if (incoming.complete) return stream.end()
      broken = true
      return stream.destroy()
    }
    if (incoming.readableEnded) end()
    else incoming.once('end', end)
  }
  return { stream, start, hasBrokenOff: () => broken }
}
