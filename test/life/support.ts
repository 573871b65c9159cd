import type { Gateway } from '../support/gateway.ts'
import type { Upstream } from '../support/upstream.ts'

export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Every sample of `/metrics`; throws where a line is not of the text format of Prometheus. */
export async function samplesOf(gateway: Pick<Gateway, 'admin'>): Promise<Sample[]> {
  const text = await (await gateway.admin('/metrics')).text()
  return text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(sampleOf)
}

function sampleOf(line: string): Sample {
  const match = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$/i.exec(line)
  if (match === null) throw new Error(`no sample: ${line}`)
  const [, name = '', list = '', value = ''] = match
  const labels = [...list.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)]
  return {
    name,
    labels: Object.fromEntries(labels.map(([, label = '', text = '']) => [label, text])),
    value: Number(value),
  }
}

/** The sum of the samples of a name whose labels include these. */
export async function count(
  gateway: Pick<Gateway, 'admin'>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const fits = (sample: Sample) =>
    sample.name === name &&
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
  return (await samplesOf(gateway)).filter(fits).reduce((sum, { value }) => sum + value, 0)
}

/** Makes the upstream keep its answers back until they are let go. */
export function holdAnswers(upstream: Upstream): { letGo: () => void } {
  const { answer } = upstream
  let letGo = () => {}
  const gone = new Promise<void>(resolve => {
    letGo = resolve
  })
  upstream.answer = async (request, socket) => {
    await gone
    return answer(request, socket)
  }
  return {
    letGo: () => {
      upstream.answer = answer
      letGo()
    },
  }
}
