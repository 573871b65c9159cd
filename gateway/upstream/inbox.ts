import type { Holder } from './sending.ts'

/** Bytes that are read at once from a connection: few, until an answer shows that it is long. */
const SMALL = 16 * 1024
const LARGE = 64 * 1024

/** Pieces of memory: one is read into while what was read last is on its way to the caller. */
const MOST = 3

interface Slot {
  readonly buffer: Buffer
  /** Who still needs what was read. */
  holder: Holder | undefined
}

/**
 * Where the bytes of a connection come in: always the same memory, as soon as nobody holds a piece of it
 * any more. A socket that is read as a stream has a buffer made for each read.
 */
export class Inbox {
  /** Tells who still needs what was read when this returns. */
  onBytes: (bytes: Buffer) => Holder | undefined = () => undefined

  #current = newSlot(SMALL)
  #slots = [this.#current]
  #isFull = false

  /** The option of `net.connect` and `tls.connect`. */
  readonly onread = {
    buffer: (): Uint8Array => this.#room(),
    callback: (length: number, bytes: Uint8Array): boolean => {
      this.#isFull = length === bytes.length
      const { buffer } = this.#current
      this.#current.holder = this.onBytes(buffer.subarray(0, length))
      return true
    },
  }

  /** Lets the memory of a long answer go. */
  forget(): void {
    if (this.#slots.length > 1) this.#slots = []
  }

  /** Asked for at the start, and when what was read has been looked at. */
  #room(): Buffer {
    const size = this.#isFull ? LARGE : SMALL
    const free = this.#slots.find(
      ({ buffer, holder }) => buffer.length >= size && holder?.holds() !== true,
    )
    this.#current = free ?? newSlot(size)
    this.#current.holder = undefined
    // What is left out is somebody else's now.
    if (!free) this.#slots = [...this.#slots.slice(1 - MOST), this.#current]
    return this.#current.buffer
  }
}

const newSlot = (size: number): Slot => ({
  buffer: Buffer.allocUnsafeSlow(size),
  holder: undefined,
})
