import { ANSWERS } from '../policy/denial.ts'

/** What values that came over a channel look like. */

export type Holds = (value: unknown) => boolean
export type Shape = Readonly<Record<string, Holds>>

export const isText: Holds = value => typeof value === 'string'
export const isNumber: Holds = value => typeof value === 'number'
export const isAnything: Holds = () => true
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const oneOf =
  (...words: readonly string[]): Holds =>
  value =>
    words.some(word => word === value)
export const shaped =
  (shape: Shape): Holds =>
  value =>
    isRecord(value) && Object.entries(shape).every(([name, holds]) => holds(value[name]))
export const optional =
  (holds: Holds): Holds =>
  value =>
    value === undefined || holds(value)

export const isSnapshot = shaped({
  file: isText,
  texts: value => isRecord(value) && Object.values(value).every(isText),
})
export const isStoredKeySet = shaped({ fetchedAt: Number.isFinite, document: isAnything })
export const isAsked = shaped({
  method: isText,
  address: shaped({ host: optional(isText), target: isText }),
  token: optional(isText),
  claims: optional(isRecord),
})
const isReason: Holds = value => isText(value) && Object.hasOwn(ANSWERS, String(value))
export const isRefusal = shaped({
  at: isNumber,
  requestId: isText,
  method: isText,
  status: isNumber,
  code: isReason,
  detail: isText,
  cause: optional(isText),
  dataSource: optional(isText),
  route: optional(
    shaped({
      dataSource: isText,
      key: isText,
      line: isNumber,
      scopes: Array.isArray,
      audiences: Array.isArray,
    }),
  ),
  token: optional(shaped({ clientId: isText, kind: isText, scopes: Array.isArray })),
})
