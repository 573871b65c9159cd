import { describe, expect, test } from 'vitest'
import { createTurnstile } from '../../gateway/token/turnstile.ts'

/** A turnstile whose turns are the test's to give. */
function stage(...perTurn: number[]) {
  const asked: (() => void)[] = []
  const [last = 0] = perTurn.slice(-1)
  const takeTurn = createTurnstile(
    () => perTurn.shift() ?? last,
    run => asked.push(run),
  )
  const done: number[] = []
  return {
    done,
    work: (number: number) => takeTurn(() => done.push(number) && number),
    turn: () => {
      for (const run of asked.splice(0)) run()
    },
    isAtRest: () => asked.length === 0,
  }
}

describe('a turnstile', () => {
  test('lets through at once what one turn has room for, and the rest in order, turn by turn', () => {
    const { done, work, turn } = stage(3)
    const outcomes = [1, 2, 3, 4, 5, 6, 7, 8].map(work)
    expect([done, outcomes.slice(0, 3)]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
    turn()
    expect(done).toEqual([1, 2, 3, 4, 5, 6])
    turn()
    expect(done).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('lets nobody who comes later pass those who wait', () => {
    const { done, work, turn } = stage(2)
    for (const number of [1, 2, 3, 4, 5]) work(number)
    turn()
    work(6)
    expect(done).toEqual([1, 2, 3, 4])
    turn()
    expect(done).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('asks anew in each turn how much that has room for', () => {
    const { done, work, turn } = stage(3, 1, 2)
    for (const number of [1, 2, 3, 4, 5, 6, 7]) work(number)
    const counts = [done.length]
    for (let i = 0; i < 3; i++) {
      turn()
      counts.push(done.length)
    }
    expect(counts).toEqual([3, 4, 6, 7])
  })

  test('hands on what the work returns, or throws', async () => {
    const { work, turn } = stage(1)
    expect(work(1)).toBe(1)
    const takeTurn = createTurnstile(() => 1)
    const first = takeTurn(() => 'a')
    const second = takeTurn(async () => 'b')
    const third = takeTurn(() => {
      throw new Error('c')
    })
    expect([first, await second]).toEqual(['a', 'b'])
    await expect(third).rejects.toThrow('c')
    turn()
  })

  test('is at rest when nobody wants anything, and lets through again at once', () => {
    const { done, work, turn, isAtRest } = stage(1)
    expect(isAtRest()).toBe(true)
    work(1)
    work(2)
    turn()
    turn()
    turn()
    expect([[...done], isAtRest(), work(3)]).toEqual([[1, 2], true, 3])
  })
})
