import { type Stats, unwatchFile, watchFile } from 'node:fs'

/** Milliseconds between two looks, and of rest after a change, so that a file is read when it is whole. */
const INTERVAL = 500
const SETTLE = 200

/**
 * Calls back when one of the files has changed since it was read. By looking at them, which also notices
 * what editors and Kubernetes do: new files under the old name, symbolic links that change their target.
 *
 * @param isAsRead whether a file is still as it was when it was read: a change before the first look is none
 *   to Node
 * @returns how to stop
 */
export function watchFiles(
  files: readonly string[],
  isAsRead: (file: string) => boolean,
  onChange: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined
  const changed = () => {
    clearTimeout(timer)
    timer = setTimeout(onChange, SETTLE)
    timer.unref()
  }
  const looked = ({ ino }: Stats, before: Stats) => {
    // Of a file that is not there Node tells at once that it is not there.
    if (ino !== 0 || before.ino !== 0) changed()
  }
  for (const file of files) watchFile(file, { interval: INTERVAL, persistent: false }, looked)
  const once = setTimeout(() => {
    if (!files.every(isAsRead)) changed()
  }, INTERVAL).unref()
  return () => {
    clearTimeout(once)
    clearTimeout(timer)
    for (const file of files) unwatchFile(file, looked)
  }
}
