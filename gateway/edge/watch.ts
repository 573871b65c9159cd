import { unwatchFile, watchFile } from 'node:fs'

/** Milliseconds between two looks, and of rest after a change, so that a file is read when it is whole. */
const INTERVAL = 500
const SETTLE = 200

/**
 * Calls back when one of the files has changed. By looking at them, which also notices what editors
 * and Kubernetes do: new files under the old name, symbolic links that change their target.
 *
 * @returns how to stop
 */
export function watchFiles(files: readonly string[], onChange: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const changed = () => {
    clearTimeout(timer)
    timer = setTimeout(onChange, SETTLE)
    timer.unref()
  }
  for (const file of files) watchFile(file, { interval: INTERVAL, persistent: false }, changed)
  return () => {
    clearTimeout(timer)
    for (const file of files) unwatchFile(file, changed)
  }
}
