/** The caller's side of one request, whatever version of HTTP it came in: only what is used of it. */

/** The body of a request, as it comes. */
export interface CallerBody {
  /** Whether all of it came: one that breaks off may end as well. */
  readonly complete: boolean
  /** Whether it has ended before anyone read it, as an empty one may. */
  readonly readableEnded: boolean
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  once(event: 'end', listener: () => void): unknown
  off(event: 'data' | 'end', listener: (chunk: Buffer) => void): unknown
  pause(): unknown
  resume(): unknown
}

/** Where the answer goes. */
export interface CallerResponse {
  /** Nothing can be written any more. */
  readonly destroyed: boolean
  readonly headersSent: boolean
  readonly statusCode: number
  /** All of the answer has been handed to the connection. */
  readonly writableFinished: boolean
  /** Bytes that wait for the connection, where nobody else sees to it that they are read. */
  readonly writableLength: number
  /** Whether chunks are needed for longer than `writableLength` tells. */
  readonly keepsChunks?: true
  /** Once `false`, the connection is closed behind the answer. Means nothing to HTTP/2. */
  shouldKeepAlive: boolean
  writeContinue(): void
  /** Throws, before anything is written, where HTTP knows no such status or header. */
  writeHead(status: number, headers: string[]): unknown
  writeHead(status: number, reason: string, headers: string[]): unknown
  /** Sends the head, where nothing of the body has been written that would take it along. */
  flushHeaders(): void
  /** `false` where the caller does not read as fast; `drain` follows. */
  write(chunk: Buffer): boolean
  end(body?: string): unknown
  end(body: string, encoding: 'latin1'): unknown
  /** Breaks an answer off, so that the caller sees that it is not whole. */
  destroy(): unknown
  on(event: CallerEvent, listener: () => void): unknown
  once(event: CallerEvent, listener: () => void): unknown
  off(event: CallerEvent, listener: () => void): unknown
}

/** `close`: the answer is whole, or nobody waits for it any more. */
type CallerEvent = 'drain' | 'close'
