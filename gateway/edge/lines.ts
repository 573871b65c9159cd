import type { Writable } from 'node:stream'

/** Where log lines go; the tail of one turn of the event loop is written at once. */
export interface LineWriter {
  readonly write: (line: string) => void
  /** Resolves when everything is written, or after some milliseconds all the same. */
  readonly flush: (limit: number) => Promise<void>
}

/**
 * Writes lines without ever waiting: in batches, as the reader takes them. What comes while more than
 * `maxWaiting` characters wait for a reader that has stopped reading is dropped.
 */
export function lineWriter(out: Writable, maxWaiting: number, onDrop: () => void): LineWriter {
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
  const write = (line: string) => {
    if (!out.writable || out.writableLength + batch.length > maxWaiting) {
      onDrop()
      return
    }
    batch += line
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
