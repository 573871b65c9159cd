import { type ReadFile, readFromDisk } from './source.ts'

/** The texts of a policy file and of all that it includes: enough to load the same policy elsewhere. */
export interface Snapshot {
  readonly file: string
  /** By path, as the policy's own reader asks for them. */
  readonly texts: Readonly<Record<string, string>>
}

/** A reader that remembers what it has read. Each file is read once: all of a policy sees the same. */
export function recordingReader(readFile: ReadFile = readFromDisk) {
  const texts = new Map<string, string>()
  const read: ReadFile = path => {
    const text = texts.get(path) ?? readFile(path)
    texts.set(path, text)
    return text
  }
  const snapshot = (file: string): Snapshot => ({ file, texts: Object.fromEntries(texts) })
  return { read, snapshot }
}

/** A reader that never looks at the disk. */
export const readerOf =
  ({ texts }: Snapshot): ReadFile =>
  path => {
    const text = Object.hasOwn(texts, path) ? texts[path] : undefined
    if (text !== undefined) return text
    throw Object.assign(new Error(`${path} is not in the snapshot`), { code: 'ENOENT' })
  }
