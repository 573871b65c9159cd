import { type Answer, type Caller, isAnswer, openCaller, type Silence } from './caller.ts'

/** One request, and how to tell whether an answer is the right one. */
export type Shot = {
  readonly number: string
  readonly method: string
  readonly bytes: string | Buffer
  /** What is wrong with an answer. */
  judge(answer: Answer): string | undefined
}

/** What came of one request. */
export type Outcome = {
  readonly number: string
  readonly method: string
  /** `right`, or what was wrong. */
  readonly said: string
  /** No byte of an answer came, on a connection that the other side had ended. */
  readonly silent: boolean
  /** The answer said that its connection ends with it. */
  readonly closes: boolean
  /** It was the first of its connection. */
  readonly first: boolean
  /** Milliseconds of `performance.now()`. */
  readonly began: number
  readonly ended: number
}

export type Load = {
  readonly outcomes: readonly Outcome[]
  /** Resolves when as many more outcomes have come. */
  more(count: number): Promise<void>
  /** Lets the callers finish what they have begun. */
  stop(): Promise<readonly Outcome[]>
}

export type LoadOptions = {
  readonly port: number
  /** How many ask at once, each on a connection that it keeps. */
  readonly callers: number
  readonly shoot: (caller: number, round: number) => Shot
  /** A caller whose connection is refused gives up instead of connecting again. */
  readonly endWithGateway?: boolean
}

/** Callers that ask again and again; each request is accounted for. */
export function startLoad({ port, callers, shoot, endWithGateway = false }: LoadOptions): Load {
  const outcomes: Outcome[] = []
  let stopped = false

  const one = async (index: number): Promise<void> => {
    let caller: Caller | undefined
    for (let round = 0; !stopped; round += 1) {
      const first = caller?.isIdle() !== true
      if (caller === undefined || first) caller = openCaller(port)
      const outcome = await ask(caller, shoot(index, round), first)
      outcomes.push(outcome)
      if (endWithGateway && outcome.silent) break
      if (outcome.closes) await caller.ended
    }
    caller?.socket.destroy()
  }
  const over = Promise.all(Array.from({ length: callers }, (_, index) => one(index)))

  return {
    outcomes,
    async more(count) {
      const wanted = outcomes.length + count
      while (outcomes.length < wanted) await new Promise(resolve => setTimeout(resolve, 5))
    },
    async stop() {
      stopped = true
      await over
      return outcomes
    },
  }
}

async function ask(caller: Caller, shot: Shot, first: boolean): Promise<Outcome> {
  const { number, method } = shot
  const began = performance.now()
  caller.write(shot.bytes)
  const came = await caller.answer(method)
  return {
    number,
    method,
    said: said(came, shot),
    silent: !isAnswer(came),
    closes: isAnswer(came) && /\r\nconnection: close/i.test(headText(came)),
    first,
    began,
    ended: performance.now(),
  }
}

function said(came: Answer | Silence, shot: Shot): string {
  if (!isAnswer(came)) return came.silence
  if (!came.complete) return 'broken off'
  return shot.judge(came) ?? 'right'
}

const headText = ({ headers }: Answer): string =>
  headers.map((part, i) => (i % 2 === 0 ? `\r\n${part}: ` : part)).join('')

/** How often each thing was said. */
export function tally(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { said } of outcomes) counts[said] = (counts[said] ?? 0) + 1
  return counts
}
