/** Bytes that are read at once from a connection: few, until an answer shows that it is long. */
const SMALL = 16 * 1024
const LARGE = 64 * 1024

/**
 * Where the bytes of a connection come in: always the same memory, until somebody keeps a piece of it.
 * A socket that is read as a stream has a buffer made for each read.
 */
export class Inbox {
  /** Whether what was read last is still needed when this returns. */
  onBytes: (bytes: Buffer) => boolean = () => false

  #buffer = Buffer.allocUnsafeSlow(SMALL)
  #isKept = false
  #isFull = false

  /** The option of `net.connect` and `tls.connect`. */
  readonly onread = {
    buffer: (): Uint8Array => this.#room(),
    callback: (length: number, bytes: Uint8Array): boolean => {
      this.#isFull = length === bytes.length
      this.#isKept = this.onBytes(this.#buffer.subarray(0, length))
      return true
    },
  }

  #room(): Buffer {
    const size = this.#isFull ? LARGE : SMALL
    if (this.#isKept || size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size)
    this.#isKept = false
    return this.#buffer
  }
}
