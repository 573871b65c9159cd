import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatFault, sayer, sayIssue } from '../../../gateway/policy/faults.ts'
import { type Environment, readSource } from '../../../gateway/policy/source.ts'
import { checkRegister } from './register-checks.ts'
import {
  type ClientFile,
  type DataSourceFile,
  type Grant,
  type Group,
  REGISTER_FILE,
  type RegisterFile,
  type User,
} from './register-schema.ts'

export type DataSource = DataSourceFile & { readonly id: string }

export interface Client {
  readonly id: string
  readonly name: string
  /** A public client has none. */
  readonly secret?: string | undefined
  readonly redirectUris: readonly string[]
  readonly scopes: readonly string[]
  readonly grants: readonly Grant[]
  /** The API that this client is, when it is one. */
  readonly dataSource?: DataSource
}

/** Everybody the stand-in knows, found the way a request names them. */
export interface Register {
  readonly clients: ReadonlyMap<string, Client>
  readonly users: ReadonlyMap<string, User>
  readonly groups: ReadonlyMap<string, Group>
  readonly dataSourcesByAudience: ReadonlyMap<string, DataSource>
  /** Seconds that a key is still published after it was replaced. */
  readonly keyOverlap: number
}

/** A file that nobody can be read from: the message has a line for each fault. */
export class RegisterError extends Error {
  override readonly name = 'RegisterError'

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
  }
}

export interface ParseOptions {
  /** How faults name the file. */
  readonly file?: string
  /** What `${NAME}` is filled in from. */
  readonly env?: Environment
}

/** Throws a RegisterError with every fault, where it is and what was expected there. */
export const parseRegister = (
  text: string,
  { file = 'feide.yaml', env = {} }: ParseOptions = {},
): Register => {
  const source = readSource(file, text, env)
  const faults = [...source.faults]
  const say = sayer(source, faults)
  const parsed = REGISTER_FILE.safeParse(source.value)
  if (parsed.success) checkRegister(parsed.data, say)
  // Without a value the fault of the YAML has been told, and all else would follow from it.
  else if (source.value !== undefined) for (const issue of parsed.error.issues) sayIssue(issue, say)
  if (parsed.success && faults.length === 0) return registerOf(parsed.data)
  faults.sort((a, b) => a.line - b.line || a.col - b.col)
  throw new RegisterError(faults.map(fault => formatFault(file, fault)))
}

const DEMO = fileURLToPath(new URL('../feide.yaml', import.meta.url))

/** Reads a file, that of the demo unless told otherwise. Throws a RegisterError. */
export const readRegister = (path = DEMO, env: Environment = process.env): Register => {
  const file = relative('', path)
  return parseRegister(readText(path, file), { file, env })
}

const readText = (path: string, file: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new RegisterError([`${file}: expected a file that can be read, got ${why}`])
  }
}

const registerOf = ({ keys, dataSources, clients, groups, users }: RegisterFile): Register => {
  const apis = Object.entries(dataSources).map(([id, it]): DataSource => ({ ...it, id }))
  const known = [
    ...Object.entries(clients).map(([id, it]) => clientOf(id, it)),
    ...apis.flatMap(clientOfDataSource),
  ]
  return {
    clients: new Map(known.map(client => [client.id, client])),
    users: new Map(Object.entries(users)),
    groups: new Map(Object.entries(groups)),
    dataSourcesByAudience: new Map(apis.map(api => [api.audience, api])),
    keyOverlap: keys.overlap / 1000,
  }
}

const clientOf = (id: string, file: ClientFile): Client => {
  const secretly: readonly Grant[] = ['client_credentials', 'token_exchange']
  const grants = file.grants ?? [
    ...(file.secret === undefined ? [] : secretly),
    ...(file.redirectUris.length === 0 ? [] : (['authorization_code'] as const)),
  ]
  return { ...file, id, grants }
}

const clientOfDataSource = (dataSource: DataSource): readonly Client[] =>
  dataSource.client === undefined
    ? []
    : [
        {
          ...dataSource.client,
          name: dataSource.id,
          redirectUris: [],
          grants: ['token_exchange'],
          dataSource,
        },
      ]
