import { caseSchema, jsonSchema } from '../policy/json-schema.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

const SCHEMAS = { policy: jsonSchema, test: caseSchema } as const

/** `schema [policy|test]`: the JSON Schema of the policy file, or of files of policy tests, for editors. */
export function schema(kind: keyof typeof SCHEMAS, { out }: Terminal): ExitStatus {
  out(JSON.stringify(SCHEMAS[kind](), null, 2))
  return 0
}
