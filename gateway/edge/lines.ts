import type { Writable } from 'node:stream'

/** Where log lines go; those of one turn of the event loop are written at once. */
export interface LineWriter {
  /** Takes one or more whole lines. */
  readonly write: (lines: string) => void
  /** Resolves when everything is written, or after some milliseconds all the same. */
  readonly flush: (limit: number) => Promise<void>
}

/** Characters that wait for a reader; what comes on top is dropped. */
const MAX_WAITING = 4 * 1024 * 1024

/**
 * Writes lines without ever waiting: in batches, as the reader takes them. What comes while too much
 * waits for a reader that has stopped reading is dropped.
 *
 * @param onDrop is told how many lines were dropped
 */
export function lineWriter(out: Writable, onDrop: (lines: number) => void): LineWriter {
  let batch = ''
  let scheduled = false
  // A reader that is gone (EPIPE) must not take the gateway with it.
  out.on('error', () => {})

  const writeBatch = () => {
    scheduled = false
    const text = batch
    batch = ''
    if (out.writable) out.write(text)
  }
  const write = (lines: string) => {
    if (!out.writable || out.writableLength + batch.length > MAX_WAITING) {
      onDrop(lines.split('\n').length - 1)
      return
    }
    batch += lines
    if (scheduled) return
    scheduled = true
    setImmediate(writeBatch)
  }
  const flush = (limit: number) =>
    new Promise<void>(resolve => {
      setTimeout(resolve, limit).unref()
      if (batch !== '') writeBatch()
      if (!out.writable || out.writableLength === 0) resolve()
      else out.write('', () => resolve())
    })
  return { write, flush }
}
