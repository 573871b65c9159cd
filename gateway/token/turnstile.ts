/** Lets work begin, at once or in its turn; what it returns is what the work returns. */
export type Turnstile = <T>(work: () => T | Promise<T>) => T | Promise<T>

/**
 * Lets so much through in one turn of the event loop, the rest in later ones, first come, first served.
 * What is not dear meanwhile goes on: a flood of what is does not hold up everybody else.
 *
 * @param perTurn how much, asked at the beginning of each turn
 * @param nextTurn runs something when the sockets have been looked at once more
 */
export function createTurnstile(
  perTurn: () => number,
  nextTurn: (run: () => void) => unknown = setImmediate,
): Turnstile {
  const waiting: (() => void)[] = []
  let left = 0
  let isBusy = false

  const begin = () => {
    isBusy = true
    left = perTurn()
    nextTurn(turn)
  }
  const turn = () => {
    isBusy = false
    if (waiting.length === 0) return
    begin()
    while (left > 0 && waiting.length > 0) {
      left--
      waiting.shift()?.()
    }
  }
  return work => {
    if (!isBusy) begin()
    if (left > 0) {
      left--
      return work()
    }
    return new Promise((resolve, reject) => {
      waiting.push(() => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      })
    })
  }
}
