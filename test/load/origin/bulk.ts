import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'

/** Large bodies that are known by their hash alone. */

const PIECE = 64 * 1024

/** As many bytes as wanted, in pieces that all differ. */
export function* pieces(size: number): Generator<Buffer> {
  const base = createHash('sha512').update('piece').digest()
  for (let at = 0; at < size; at += PIECE) {
    const piece = Buffer.alloc(Math.min(PIECE, size - at), base)
    piece.writeUInt32LE(at / PIECE, 0)
    yield piece
  }
}

/** Writes a large body, no faster than it is taken; what was written, as a hash. */
export async function writeBulk(socket: Socket, size: number): Promise<string> {
  const hash = createHash('sha256')
  let goOn = () => {}
  const onMove = () => goOn()
  socket.on('drain', onMove).once('close', onMove)
  for (const piece of pieces(size)) {
    hash.update(piece)
    const isFull = !socket.write(piece)
    if (socket.destroyed) break
    if (isFull) {
      await new Promise<void>(resolve => {
        goOn = resolve
      })
    }
  }
  socket.off('drain', onMove).off('close', onMove)
  return hash.digest('hex')
}
