/** Questions that wait for an answer from the other end of a channel. */
export interface Pending {
  /**
   * Resolves with the answer, or with `undefined` where none comes in time.
   *
   * @param send asks the question under this id
   * @param patience milliseconds
   */
  readonly ask: (send: (id: number) => void, patience: number) => Promise<unknown>
  /** The same for what need not be asked of one that has not answered for long. */
  readonly askIfHeard: Pending['ask']
  readonly answer: (id: number, value: unknown) => void
  /** Nobody is there any more who could answer. */
  readonly giveUp: () => void
}

/** The other end has stopped listening: what more is sent would only pile up. */
const MAX_UNANSWERED = 200

export function createPending(): Pending {
  const waiting = new Map<number, (value: unknown) => void>()
  let asked = 0
  let answered = 0
  let over = false

  const ask: Pending['ask'] = (send, patience) => {
    if (over) return Promise.resolve(undefined)
    asked += 1
    const id = asked
    return new Promise(resolve => {
      const settle = (value: unknown) => {
        clearTimeout(late)
        waiting.delete(id)
        resolve(value)
      }
      const late = setTimeout(settle, patience)
      waiting.set(id, settle)
      send(id)
    })
  }
  const askIfHeard: Pending['ask'] = (send, patience) =>
    asked - answered < MAX_UNANSWERED ? ask(send, patience) : Promise.resolve(undefined)
  const answer: Pending['answer'] = (id, value) => {
    answered += 1
    waiting.get(id)?.(value)
  }
  const giveUp = () => {
    over = true
    for (const settle of waiting.values()) settle(undefined)
  }
  return { ask, askIfHeard, answer, giveUp }
}
