import { z } from 'zod'
import { CASE_FILE } from './case-schema.ts'
import { POLICY_FILE } from './schema.ts'

/** Where a variable may stand for a value, as `${NAME}`: checked when it is filled in, not by editors. */
const VARIABLE = { $ref: '#/$defs/variable' }

type JsonSchema = Record<string, unknown>

/**
 * The JSON Schema (2020-12) of the policy file, for editors: made from the schema that parses, with a
 * variable allowed wherever a value has a form of its own.
 */
export const jsonSchema = (): JsonSchema => schemaOf(POLICY_FILE, 'Policy of a feide-gateway')

/** The same of a file of policy tests. */
export const caseSchema = (): JsonSchema =>
  schemaOf(CASE_FILE, 'Tests of a policy of a feide-gateway')

function schemaOf(file: z.ZodType, title: string): JsonSchema {
  const schema = z.toJSONSchema(file, {
    io: 'input',
    override: ({ jsonSchema }) => allowVariable(jsonSchema as JsonSchema),
  }) as JsonSchema
  const { $schema, ...rest } = schema
  return {
    $schema,
    title,
    ...rest,
    $defs: {
      variable: {
        type: 'string',
        pattern: '\\$\\{[^}]+\\}',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of the policy file
        description: 'A text with ${NAME}, ${NAME:-default} or ${file:PATH} in it.',
      },
    },
  }
}

const FORMS = ['pattern', 'enum', 'const', 'minimum'] as const

/** Turns `{ type, pattern … }` into `{ anyOf: [{ type, pattern … }, variable] }`, in place. */
function allowVariable(schema: JsonSchema): void {
  const hasForm = FORMS.some(form => form in schema) || schema.type === 'boolean'
  if (!hasForm || schema.anyOf) return
  const { description, default: value, ...form } = schema
  for (const key of Object.keys(schema)) delete schema[key]
  if (description !== undefined) schema.description = description
  if (value !== undefined) schema.default = value
  schema.anyOf = [form, VARIABLE]
}

/** A key of the policy file as documentation names it: `dataSources.<id>.upstream.url`. */
export interface DocumentedKey {
  readonly key: string
  readonly description: string
  readonly default: unknown
}

/** Every key of the policy file, in the order of the schema: for the reference and its test. */
export function documentedKeys(): DocumentedKey[] {
  return keysUnder(jsonSchema(), '')
}

function keysUnder(schema: JsonSchema, prefix: string): DocumentedKey[] {
  const alternatives = (schema.anyOf as JsonSchema[] | undefined) ?? []
  const own = Object.entries((schema.properties as Record<string, JsonSchema> | undefined) ?? {})
  const keys = own.flatMap(([name, value]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`
    const entry = { key, description: String(value.description ?? ''), default: value.default }
    return [entry, ...keysUnder(value, key)]
  })
  const values = schema.additionalProperties
  if (typeof values === 'object' && values !== null) {
    keys.push(...keysUnder(values as JsonSchema, `${prefix}.<name>`))
  }
  return [...keys, ...alternatives.flatMap(alternative => keysUnder(alternative, prefix))]
}
