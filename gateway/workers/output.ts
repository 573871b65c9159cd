import type { Readable } from 'node:stream'

/**
 * Copies whole lines, so that those of several processes can be written to one place. Half a line, left
 * behind by a process that was killed, is dropped.
 */
export function copyLines(
  from: Readable,
  write: (lines: string) => void,
  onDropped: (lines: number) => void,
): void {
  let begun = ''
  from.setEncoding('utf8')
  from.on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1
    if (end > 0) write(begun + text.slice(0, end))
    begun = end > 0 ? text.slice(end) : begun + text
  })
  from.once('end', () => {
    if (begun !== '') onDropped(1)
  })
  // What a process leaves when it is killed is no fault of this one.
  from.on('error', () => {})
}
