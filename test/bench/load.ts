import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { guarded } from './processes.ts'

const SCRIPT = fileURLToPath(new URL('load.lua', import.meta.url))

/** Requests to be sent over kept-alive connections, each as soon as the answer before it has come. */
export interface Load {
  /** A file with a path on each line; they are asked for in turn. */
  readonly paths: string
  readonly method?: 'GET' | 'POST'
  /** Bytes. */
  readonly body?: number
  readonly connections: number
  /** A file with a token on each line; they are sent in turn. */
  readonly tokens: string
  /** Whole seconds. */
  readonly seconds: number
}

const RESULT = z.strictObject({
  requests: z.number(),
  micros: z.number(),
  /** Microseconds. */
  p50: z.number(),
  p99: z.number(),
  /** Answers of 400 and above. */
  refused: z.number(),
  /** Connections that failed, and requests without an answer. */
  broken: z.number(),
})
export type LoadResult = z.infer<typeof RESULT>

/** Loads a port with wrk, which costs little itself: another process, with nothing to parse in it. */
export async function load(port: number, load: Load): Promise<LoadResult> {
  const { paths, method = 'GET', body = 0, connections, tokens, seconds } = load
  const wrk = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s']
  const script = [method, String(body), paths, tokens]
  const url = `http://127.0.0.1:${port}/`
  const output = await outputOf(['wrk', ...wrk, '-s', SCRIPT, url, '--', ...script])
  const line = output.split('\n').find(text => text.startsWith('{'))
  if (line === undefined) throw new Error(`wrk gave no result: ${output}`)
  return RESULT.parse(JSON.parse(line))
}

function outputOf(command: readonly string[]): Promise<string> {
  const child = guarded(command, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', text => {
      output += text
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve(output))
  })
}
