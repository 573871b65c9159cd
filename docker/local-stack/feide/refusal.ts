/** The error codes of Feide's token endpoint. */
export type RefusalCode =
  | 'invalid_request'
  | 'access_denied'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'

export interface Refusal {
  readonly refused: RefusalCode
  readonly why: string
}

export const refuse = (refused: RefusalCode, why: string): Refusal => ({ refused, why })

export const isRefusal = (value: object): value is Refusal => 'refused' in value

export const statusOf = ({ refused }: Refusal) => (refused === 'invalid_client' ? 401 : 400)

/** An error in Feide's shape: RFC 6749 sections 4.1.2.1 and 5.2. */
export const errorOf = (error: string, why: string) => ({
  error,
  error_description: why,
  error_uri: 'https://docs.dataporten.no',
})
