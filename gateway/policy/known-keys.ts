import { z } from 'zod'
import { didYouMean, nearest } from './nearest.ts'
import type { Path } from './tree.ts'

type JsonSchema = Readonly<Record<string, unknown>>

/** The keys of a kind of file: what to say of one that is unknown, read off the schema that parses. */
export interface KnownKeys {
  /** What to do about an unknown key. */
  readonly helpFor: (path: Path) => string | undefined
  /** Every key and every fixed value of the file. */
  readonly words: ReadonlySet<string>
}

export function knownKeys(schema: z.ZodType): KnownKeys {
  const root = z.toJSONSchema(schema, { io: 'input' }) as JsonSchema
  const words = new Set<string>()
  collect(root, words)
  return { helpFor: path => helpFor(root, path), words }
}

/** The key that was meant, or where the key belongs, or the keys that there are. */
function helpFor(root: JsonSchema, path: Path): string | undefined {
  const key = String(path.at(-1))
  const here = keysOf(descend([root], path.slice(0, -1)))
  const near = nearest(key, here)
  if (near !== undefined) return didYouMean(near)
  const homes = homesOf(root, key, '')
  if (homes.length > 0) return `\`${key}\` is a key of ${homes.slice(0, 2).join(' and of ')}`
  return here.length > 0 ? `known here: ${here.join(', ')}` : undefined
}

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const listOf = (value: unknown): JsonSchema[] =>
  Array.isArray(value) ? value.filter(isSchema) : []

/** A schema and its alternatives, and theirs. */
const alternatives = (schema: JsonSchema): JsonSchema[] => [
  schema,
  ...listOf(schema.anyOf).flatMap(alternatives),
]

/** What the schema says of the value at a path, in each of its alternatives. */
function descend(schemas: readonly JsonSchema[], path: Path): readonly JsonSchema[] {
  const all = schemas.flatMap(alternatives)
  const [step, ...rest] = path
  if (step === undefined) return all
  const next = all.flatMap(({ properties, additionalProperties, items }) => {
    const own = isSchema(properties) ? properties[step] : undefined
    return [own ?? (typeof step === 'number' ? items : additionalProperties)].filter(isSchema)
  })
  return descend(next, rest)
}

const keysOf = (schemas: readonly JsonSchema[]): string[] => [
  ...new Set(
    schemas.flatMap(({ properties }) => (isSchema(properties) ? Object.keys(properties) : [])),
  ),
]

/** Where a file has a key of this name. */
function homesOf(schema: JsonSchema, key: string, place: string): string[] {
  const found = alternatives(schema).flatMap(({ properties, additionalProperties, items }) => {
    const own = Object.entries(isSchema(properties) ? properties : {})
    const inner = own.flatMap(([name, value]) =>
      isSchema(value) ? homesOf(value, key, place === '' ? name : `${place}.${name}`) : [],
    )
    const under = [additionalProperties, items].filter(isSchema)
    const open = under.flatMap(value => homesOf(value, key, `${place}.<name>`))
    const here = own.some(([name]) => name === key) ? [place === '' ? 'the file' : place] : []
    return [...here, ...inner, ...open]
  })
  return [...new Set(found)]
}

function collect(schema: JsonSchema, into: Set<string>): void {
  for (const { properties, additionalProperties, items, ...own } of alternatives(schema)) {
    for (const value of [own.const, ...(Array.isArray(own.enum) ? own.enum : [])]) {
      if (typeof value === 'string') into.add(value)
    }
    for (const [name, value] of Object.entries(isSchema(properties) ? properties : {})) {
      into.add(name)
      if (isSchema(value)) collect(value, into)
    }
    for (const value of [additionalProperties, items]) if (isSchema(value)) collect(value, into)
  }
}
