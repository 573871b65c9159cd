import type { Running } from './listen.ts'

/** Runs one part of the local stack in a process of its own, until it is told to stop. */
export const runService = async (name: string, starting: Promise<Running>): Promise<void> => {
  const { url, close } = await starting
  console.log(`${name} listens on ${url}`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void close().then(() => process.exit(0)))
}

/** A variable of the environment that must be there. */
export const needed = (name: string): string => {
  const value = process.env[name]
  if (value) return value
  console.error(`expected the environment variable ${name} to be set`)
  process.exit(1)
}
