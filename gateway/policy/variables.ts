export type Environment = Readonly<Record<string, string | undefined>>

/** The text of a file, or why there is none. */
export type ReadIncluded = (path: string) => string | { readonly problem: string }

/** A text with its variables filled in, or what is wrong with them. */
export type Fill = (text: string) => string | { readonly problem: string }

/** A default may be a secret, and of what has no end nobody knows where it was to end. */
const shown = (variable: string): string =>
  variable.endsWith('}') ? variable.replace(/:-.*/s, ':-…}') : '${…'

const VARIABLE = /\$\$\{|\$\{([^}]*)\}?/g

/** Fills variables into one text. `$${` stands for a plain `${`. */
export function filler(env: Environment, read: ReadIncluded): Fill {
  return text => {
    const problems: string[] = []
    const filled = text.replace(VARIABLE, (whole: string, inner: string | undefined) => {
      if (whole === '$${') return '${'
      const value = whole.endsWith('}') ? lookUp(inner ?? '') : undefined
      if (typeof value === 'string') return value
      problems.push(
        value ? value.problem : `expected a variable such as \${NAME}, got ${shown(whole)}`,
      )
      return whole
    })
    return problems[0] === undefined ? filled : { problem: problems.join('; ') }
  }

  function lookUp(inner: string): string | { readonly problem: string } | undefined {
    if (inner.startsWith('file:')) return readValue(inner.slice(5))
    const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner) ?? []
    if (name === undefined || fallback?.includes('${')) return undefined
    const value = env[name]
    if (fallback !== undefined) return value || fallback
    if (value !== undefined) return value
    return { problem: `expected the environment variable ${name} to be set, got nothing` }
  }

  function readValue(path: string): string | { readonly problem: string } {
    const text = read(path)
    return typeof text === 'string'
      ? text.replace(/\r?\n$/, '')
      : { problem: `expected the file ${path} to be readable, got ${text.problem}` }
  }
}
