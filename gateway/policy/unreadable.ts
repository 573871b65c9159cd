const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'a directory',
  EACCES: 'no permission',
  ENAMETOOLONG: 'too long a name',
}

/**
 * Why a file cannot be read, in words; a code that is rare stays as it is.
 *
 * @param error what `readFileSync` threw; thrown again where it is no fault of the file
 */
export function whyUnreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) throw error
  return WORDS[code] ?? code
}
