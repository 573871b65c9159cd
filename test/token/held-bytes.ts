import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes on the heap, without what nobody holds. */
export function heldBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}
