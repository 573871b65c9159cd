import { jsonSchema } from '../policy/json-schema.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

/** `schema`: the JSON Schema of the policy file, for editors. */
export function schema({ out }: Terminal): ExitStatus {
  out(JSON.stringify(jsonSchema(), null, 2))
  return 0
}
