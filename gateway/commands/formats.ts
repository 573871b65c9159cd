import type { Finding } from '../policy/findings.ts'

/** A finding for editors and CI. */
export const findingAsJson = ({ severity, file, place, where, message, help }: Finding) => ({
  severity,
  file,
  line: place?.line ?? null,
  column: place?.column ?? null,
  endLine: place?.end.line ?? null,
  endColumn: place?.end.column ?? null,
  where,
  message,
  help: help ?? null,
})

/**
 * A finding as an annotation of GitHub Actions: `::error file=…,line=…,col=…::…`. What ends a command or
 * one of its properties is escaped as in `@actions/core` (`escapeData`, `escapeProperty`).
 */
export function asAnnotation({ severity, file, place, where, message, help }: Finding): string {
  const properties = {
    file,
    ...(place && { line: place.line, col: place.column }),
    ...(place?.end.line === place?.line && place && { endColumn: place.end.column }),
  }
  const list = Object.entries(properties).map(([name, value]) => `${name}=${property(value)}`)
  const about = where === '' ? '' : `${where}: `
  const advice = help === undefined ? '' : `\n${help}`
  return `::${severity} ${list.join(',')}::${data(`${about}${message}${advice}`)}`
}

const data = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

const property = (value: string | number): string =>
  data(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')
