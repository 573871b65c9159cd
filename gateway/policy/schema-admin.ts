import { z } from 'zod'
import { address, text } from './scalars.ts'

/** The short form is the address alone. Either way it becomes one shape. */
export const admin = z
  .union(
    [
      z.literal('off'),
      address().transform(listen => ({ ...listen, secret: undefined })),
      z
        .strictObject({
          listen: address().prefault('127.0.0.1:9090').describe('The address.'),
          secret: text(/^[!-~]{16,}$/, 'a secret of at least 16 visible ASCII characters')
            .optional()
            .describe(
              'Asked for by the page; without it the page is served on a loopback address alone.',
            ),
        })
        .transform(({ listen, secret }) => ({ ...listen, secret })),
    ],
    { error: 'an address such as 127.0.0.1:9090, or `off`' },
  )
  .prefault('127.0.0.1:9090')
  .describe(
    'Where the page for operators, health, metrics and status are served; `off` for nowhere.',
  )
