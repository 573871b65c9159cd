import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { copyLines } from '../../gateway/workers/output.ts'

/** What comes of output that is written in these pieces. */
async function copied(...pieces: readonly (string | Buffer)[]) {
  const stream = new PassThrough()
  const written: string[] = []
  let dropped = 0
  copyLines(
    stream,
    lines => void written.push(lines),
    lines => {
      dropped += lines
    },
  )
  for (const piece of pieces) {
    stream.write(piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  stream.end()
  await new Promise(resolve => stream.once('close', resolve))
  return { written, dropped }
}

test('lines come out whole, however the pieces fall', async () => {
  const { written, dropped } = await copied('a', 'b\nc', '\nd\ne\nf', 'g\n')
  expect({ written, dropped }).toEqual({ written: ['ab\n', 'c\nd\ne\n', 'fg\n'], dropped: 0 })
})

test('a character that falls into two pieces stays one', async () => {
  const bytes = Buffer.from('blåbær\n')
  const { written } = await copied(bytes.subarray(0, 3), bytes.subarray(3))
  expect(written).toEqual(['blåbær\n'])
})

test('half a line at the end is dropped, and counted', async () => {
  expect(await copied('whole\nhal')).toEqual({ written: ['whole\n'], dropped: 1 })
})
