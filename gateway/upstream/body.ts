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

/** Where a body goes. */
export interface BodySink {
  /** `false` where the upstream does not read as fast: nothing more is read until `drained`. */
  readonly write: (chunk: Buffer) => boolean
  readonly end: () => void
  /** It ended before it was whole, and must not reach the upstream as a whole one. */
  readonly breakOff: (error: Error) => void
}

/** The body of a request on its way: measured, and watched on both sides. */
export interface RequestBody {
  /** Bytes, where the caller said how many. */
  readonly length: number | undefined
  /** Begins to read from the caller: not before the upstream takes it, so that nothing is lost. */
  readonly start: (into: BodySink) => void
  readonly drained: () => void
  /** Nothing of it is read or refused any more. */
  readonly stop: () => void
  /** Whether the caller left in the middle of it. */
  readonly hasBrokenOff: () => boolean
}

export function meterBody(
  incoming: CallerBody,
  length: number | undefined,
  { maxBody, bodyIdle, requestTimeout, upstreamIdle }: BodyLimits,
  refuse: (denial: Denial) => void,
): RequestBody {
  let sink: BodySink | undefined
  let bytes = 0
  let unread = 0
  let isFull = false
  let isBroken = false
  let isWatched = false

  const idle = timer(() => {
    if (!isFull) return refuse(STOPPED)
    unread += bodyIdle
    if (unread >= upstreamIdle) refuse(UNREAD)
    else idle.start(bodyIdle)
  })
  const late = timer(() => refuse(LATE))
  const onData = (chunk: Buffer) => {
    bytes += chunk.length
    unread = 0
    if (isWatched) idle.start(bodyIdle)
    if (bytes > maxBody) return refuse(TOO_LARGE)
    if (length !== undefined && bytes > length) return onEnd()
    isFull = sink?.write(chunk) === false
    if (isFull) incoming.pause()
  }
  const onEnd = () => {
    const into = sink
    stop()
    isBroken = !incoming.complete || (length !== undefined && bytes !== length)
    if (isBroken) into?.breakOff(new Error('the request broke off'))
    else into?.end()
  }
  const start = (into: BodySink) => {
    sink = into
    if (incoming.readableEnded) return onEnd()
    incoming.on('data', onData)
    incoming.once('end', onEnd)
    // What came in one piece with its head has been taken by then, and needs no timer.
    queueMicrotask(watch)
  }
  const watch = () => {
    if (!sink) return
    idle.start(bodyIdle)
    late.start(requestTimeout)
    isWatched = true
  }
  const drained = () => {
    if (!isFull) return
    isFull = false
    // What the upstream took to read is not the caller's.
    idle.start(bodyIdle)
    incoming.resume()
  }
  const stop = () => {
    sink = undefined
    idle.stop()
    late.stop()
    incoming.off('data', onData)
    incoming.off('end', onEnd)
  }
  return { length, start, drained, stop, hasBrokenOff: () => isBroken }
}

const STOPPED = deny('request_timeout', 'The body of the request stopped coming')
const LATE = deny('request_timeout', 'The whole request took too long to arrive')
const UNREAD = deny('upstream_timeout', 'The upstream stopped reading')
const TOO_LARGE = deny('body_too_large', 'The body is larger than this API takes')
