import type { HeaderList } from '../support/raw.ts'
import { identityOf } from './hazards-stage.ts'

const NAMES = [
  ...identityOf('mallory').map(([name]) => name),
  'X-Dataporten-Token',
  'X-Dataporten-Anything',
  'X-FeideConnect-Userid',
  'X-Feide-Userid',
].filter(name => name !== 'Authorization')
const forged = (write: (name: string) => string): HeaderList =>
  NAMES.map(name => [write(name), 'forged'])
const nominating = (...options: string[]): HeaderList => options.map(one => ['Connection', one])

/** What a caller adds to its request, and nothing of it must go on. */
export const FORGERIES: [string, HeaderList][] = [
  ['as they are', forged(name => name)],
  [
    'in capitals and small',
    [...forged(name => name.toUpperCase()), ...forged(name => name.toLowerCase())],
  ],
  [
    'with underscores and dots',
    [...forged(name => name.replaceAll('-', '_')), ...forged(name => name.replaceAll('-', '.'))],
  ],
  ['with one dash folded', forged(name => name.replace(/-([^-]*)$/, '_$1'))],
  [
    'over and over',
    Array.from({ length: 60 }, (_, at) => ['X-Dataporten-Userid', at % 2 ? '' : 'forged']),
  ],
  ['empty', NAMES.map(name => [name, ''])],
  [
    'named in Connection',
    nominating(`keep-alive, ${NAMES.join(', ')}, Authorization, X-Request-Id`),
  ],
  [
    'named in Connection, and there',
    [
      ...nominating('X-Dataporten-Userid'),
      ...forged(name => name),
      ...nominating('keep-alive', 'x-user-name,,X-Forwarded-For'),
    ],
  ],
  [
    'named in Connection, folded',
    nominating(
      NAMES.join(',').replaceAll('-', '_'),
      '"X-Dataporten-Userid"',
      'Host, Content-Length, Content-Type',
    ),
  ],
  [
    'in names of one hop',
    [
      ['Keep-Alive', 'X-Dataporten-Userid'],
      ['Proxy-Connection', 'X-Dataporten-Userid'],
      ['TE', 'trailers'],
      ['Trailer', 'X-Dataporten-Userid'],
      ['Proxy-Authorization', 'Basic Zm9yZ2Vk'],
      ['Proxy', 'forged'],
    ],
  ],
  [
    'as a forwarder',
    [
      ['X-Forwarded-For', '6.6.6.6'],
      ['X-Forwarded-Host', 'forged'],
      ['X-Forwarded-User', 'forged'],
      ['Forwarded', 'for=6.6.6.6;host=forged'],
      ['X-Real-IP', '6.6.6.6'],
      ['X_Forwarded_For', '6.6.6.6'],
    ],
  ],
  [
    'as another method',
    [
      ['X-HTTP-Method-Override', 'DELETE'],
      ['X-HTTP-Method', 'DELETE'],
      ['X_Method_Override', 'DELETE'],
    ],
  ],
  [
    'as ids of the request',
    [
      ['X-Request-Id', 'a'],
      ['X-Request-Id', 'b\x09c'],
      ['X_Request_Id', 'forged'],
    ],
  ],
  [
    'as fields for this hop alone',
    [
      ['X-Hop', 'forged'],
      ['Connection', 'x-hop, X-HOP-TOO'],
      ['X-Hop-Too', 'forged'],
    ],
  ],
]
