import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createDigests, digestOf } from '../../gateway/token/digest.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('latin1')

const END = 'signature'
// Alike in what decides where they are kept, and in their length.
const ALIKE = Array.from({ length: 50 }, (_, i) => `${i + 100}.${END}`)
const MANY = Array.from({ length: 10_000 }, (_, i) => `token.${i * 7919}`)
const TEXTS = [...ALIKE, ...MANY, '', 'a', 'ab', `Ł.${END}`, `A.${END}`]

test('a digest is the SHA-256 of all of the text', () => {
  expect(TEXTS.filter(text => digestOf(text) !== sha256(text))).toEqual([])
})

test('one that was kept last is found, and only with its own text', () => {
  const digests = createDigests()
  const wrong: string[] = []
  for (const [i, text] of TEXTS.entries()) {
    if (digests.find(text) !== undefined) wrong.push(text)
    digests.keep(text, sha256(text))
    if (digests.find(text) !== sha256(text)) wrong.push(text)
    const before = TEXTS[i - 1] ?? 'none'
    if (![undefined, sha256(before)].includes(digests.find(before))) wrong.push(before)
  }
  expect(wrong).toEqual([])
})
