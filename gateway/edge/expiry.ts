import type { DataSource, Permit } from '../model.ts'

/**
 * When something that was opened with a token is to be closed, in milliseconds since the epoch;
 * `undefined` where the data source does not ask for that, or there was no token.
 *
 * @param clockTolerance milliseconds
 */
export const closeAt = (
  { route, token }: Permit,
  what: keyof DataSource['closeAtExpiry'],
  clockTolerance: number,
): number | undefined =>
  token && route.dataSource.closeAtExpiry[what]
    ? token.expiresAt * 1000 + clockTolerance
    : undefined
