import { truncateSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { nginxBasics, nginxCommand, nginxHttp } from './contestants/nginx.ts'
import { freePort, untilListening } from './ports.ts'
import { type Server, startServer } from './processes.ts'

const MIB = 1024 * 1024

/** Bytes of the answers that `GET /large` and `GET /big` get. */
export const LARGE = MIB
export const BIG = 1024 * MIB

export interface ApiServer {
  readonly port: number
  readonly server: Server
}

/** The API behind all contestants while they are timed: nginx, which costs least. */
export async function startApi(parent: string, descriptors: number): Promise<ApiServer> {
  const directory = join(parent, 'api')
  await mkdir(directory)
  const port = await freePort()
  const file = join(directory, 'nginx.conf')
  writeFileSync(file, configurationOf(directory, port, descriptors))
  writeFileSync(join(directory, 'large'), Buffer.alloc(LARGE, 'x'))
  // Holes: no bytes on the disk.
  writeFileSync(join(directory, 'big'), '')
  truncateSync(join(directory, 'big'), BIG)
  const server = startServer(nginxCommand(file), directory)
  await untilListening(port, server)
  return { port, server }
}

const configurationOf = (directory: string, port: number, descriptors: number): string => `
${nginxBasics(directory, descriptors)}
http {${nginxHttp(directory)}
  access_log off;
  sendfile on;
  default_type application/json;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${directory};
    location / { return 200 '{"ok":true}'; }
    location = /large { }
    location = /big { }
  }
}
`
