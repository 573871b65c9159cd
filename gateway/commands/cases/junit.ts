import type { Result } from './run.ts'

/**
 * Results in the form that CI servers read: JUnit's XML, as Jenkins, GitLab and others take it.
 *
 * @param lineOf the line of a case in its file
 */
export function asJunit(results: readonly Result[], lineOf: (result: Result) => number): string {
  const suites = Map.groupBy(results, ({ trial }) => trial.suite.file)
  const all = [...suites].map(([file, own]) => [
    `  <testsuite${attributes({ name: file, ...counts(own) })}>`,
    ...own.flatMap(result => testcase(result, lineOf(result))),
    '  </testsuite>',
  ])
  const head = `<testsuites${attributes({ name: 'feide-gateway test', ...counts(results) })}>`
  return ['<?xml version="1.0" encoding="UTF-8"?>', head, ...all.flat(), '</testsuites>', ''].join(
    '\n',
  )
}

const counts = (results: readonly Result[]) => ({
  tests: results.length,
  failures: results.filter(({ differences }) => differences.length > 0).length,
})

function testcase({ trial, differences }: Result, line: number): string[] {
  const { file } = trial.suite
  const open = `    <testcase${attributes({ name: trial.name, classname: file, file, line })}`
  const [first] = differences
  if (!first) return [`${open}/>`]
  const says = differences.map(({ of, expected, actual }) => {
    const about = of === '' ? '' : `${of}: `
    return `${about}expected ${expected}, got ${actual}`
  })
  const message = attributes({ message: says[0] ?? '' })
  return [
    `${open}>`,
    `      <failure${message}>${escapeXml(says.join('\n'))}</failure>`,
    '    </testcase>',
  ]
}

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('')

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
}

/** What XML 1.0 cannot hold, not even as a reference (§2.2), is replaced. */
const escapeXml = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\x00-\x08\x0b-\x1f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"\n\t]/g, char => ENTITIES[char] ?? char)
