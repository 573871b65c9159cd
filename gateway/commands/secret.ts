import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** Asks on the terminal for a client's secret, and shows nothing of the answer. */
export async function askSecret(input: NodeJS.ReadableStream, prompts: Writable): Promise<string> {
  prompts.write('Client secret: ')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const prompt = createInterface({ input, output: silent, terminal: true })
  const secret = await prompt.question('')
  prompt.close()
  prompts.write('\n')
  return secret
}
