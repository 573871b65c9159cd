import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAdmission } from '../../gateway/upstream/admission.ts'

/** What a caller of an admission can do; `which` is taken modulo the requests so far. */
type Step =
  | { readonly does: 'enter'; readonly endsAtOnce: boolean }
  | { readonly does: 'end' | 'leave'; readonly which: number }

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constant('enter' as const), endsAtOnce: fc.boolean() }),
  fc.record({ does: fc.constantFrom('end' as const, 'leave' as const), which: fc.nat(20) }),
)

/** So long that it never comes while a property runs. */
const NEVER = 1_000_000

/** Does the steps with an admission, and by the rules in plain words; both tell what became of whom. */
function play(maxConnections: number, maxPending: number, steps: readonly Step[]) {
  const admission = createAdmission({ maxConnections, maxPending, timeout: NEVER })
  const requests: { end: () => void; leave: () => void }[] = []
  const real: string[] = []
  const peaks = { active: 0, pending: 0 }
  const model = createModel(maxConnections, maxPending)

  for (const step of steps) {
    if (step.does === 'enter') {
      const id = requests.length
      const request = { end: () => {}, leave: () => {} }
      requests.push(request)
      const leave = admission.enter({
        go: done => {
          request.end = done
          real.push(`${id} goes`)
          if (step.endsAtOnce) done()
        },
        refuse: ({ denied, overloaded }) => void real.push(`${id} ${denied} ${overloaded}`),
      })
      if (leave) request.leave = leave
      model.enter(id, step.endsAtOnce)
    } else {
      const id = step.which % Math.max(requests.length, 1)
      requests[id]?.[step.does]()
      model[step.does](id)
    }
    peaks.active = Math.max(peaks.active, admission.active())
    peaks.pending = Math.max(peaks.pending, admission.pending())
    const counts = { active: admission.active(), pending: admission.pending() }
    expect(counts).toEqual({ active: model.active.size, pending: model.waiting.length })
  }
  for (const { leave, end } of requests) {
    leave()
    end()
  }
  for (const { end } of requests) end()
  return { real, model: model.told, peaks, admission }
}

function createModel(maxConnections: number, maxPending: number) {
  const active = new Set<number>()
  const waiting: { readonly id: number; readonly endsAtOnce: boolean }[] = []
  const told: string[] = []
  const go = (id: number, endsAtOnce: boolean) => {
    told.push(`${id} goes`)
    active.add(id)
    if (endsAtOnce) end(id)
  }
  const end = (id: number) => {
    if (!active.delete(id)) return
    const next = waiting.shift()
    if (next) go(next.id, next.endsAtOnce)
  }
  return {
    active,
    waiting,
    told,
    enter: (id: number, endsAtOnce: boolean) => {
      if (active.size < maxConnections) go(id, endsAtOnce)
      else if (waiting.length < maxPending) waiting.push({ id, endsAtOnce })
      else told.push(`${id} upstream_unavailable true`)
    },
    end,
    leave: (id: number) => {
      const at = waiting.findIndex(one => one.id === id)
      if (at >= 0) waiting.splice(at, 1)
    },
  }
}

describe('an admission', () => {
  const LIMITS = [fc.integer({ min: 1, max: 4 }), fc.nat(4)] as const

  test('lets in, keeps waiting and refuses as its limits say, in order, whatever happens', () => {
    fc.assert(
      fc.property(...LIMITS, fc.array(STEP, { maxLength: 60 }), (most, pending, steps) => {
        const { real, model, peaks } = play(most, pending, steps)
        expect(real.slice(0, model.length)).toEqual(model)
        expect(peaks.active).toBeLessThanOrEqual(most)
        expect(peaks.pending).toBeLessThanOrEqual(pending)
      }),
      { numRuns: 2000 },
    )
  })

  test('tells each request one thing at most, and is empty when all have ended', () => {
    fc.assert(
      fc.property(...LIMITS, fc.array(STEP, { maxLength: 60 }), (most, pending, steps) => {
        const { real, admission } = play(most, pending, steps)
        const ids = real.map(line => line.split(' ')[0])
        expect(ids.length).toBe(new Set(ids).size)
        expect([admission.active(), admission.pending()]).toEqual([0, 0])
      }),
      { numRuns: 2000 },
    )
  })

  test('refuses who has waited for as long as the timeout, and the others go on waiting', async () => {
    const admission = createAdmission({ maxConnections: 1, maxPending: 2, timeout: 50 })
    let end = () => {}
    const enter = (told: (what: string) => void) =>
      admission.enter({
        go: done => {
          end = done
          told('goes')
        },
        refuse: ({ denied, overloaded }) => told(`${denied} ${overloaded}`),
      })
    enter(() => {})
    const waited = await new Promise<string>(resolve => enter(resolve))
    expect([waited, admission.pending()]).toEqual(['upstream_timeout undefined', 0])
    const turn = new Promise<string>(resolve => enter(resolve))
    end()
    expect(await turn).toBe('goes')
    end()
    expect([admission.active(), admission.pending()]).toEqual([0, 0])
  })
})
