import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contestant, Setup } from '../contestant.ts'
import { KEEP_ALIVE } from '../contestant.ts'
import { debian, versionOf } from './packages.ts'

/** A plain proxy: no token is looked at. What is left of the others' figures is what the work costs. */
export const nginx: Contestant = {
  name: 'nginx',
  authenticates: false,
  missing: () => debian('nginx'),
  title: () => `nginx ${versionOf('nginx', '-v')}, no tokens`,
  command: setup => {
    const file = join(setup.directory, 'nginx.conf')
    writeFileSync(file, configurationOf(setup))
    return nginxCommand(file)
  },
}

/** In one process: nothing that could be left over. */
export const nginxCommand = (file: string) => ['nginx', '-e', 'stderr', '-c', file]

/** What any nginx of the bench begins with. */
export const nginxBasics = (directory: string, descriptors: number): string => `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
worker_rlimit_nofile ${descriptors};
events { worker_connections ${Math.floor(descriptors * 0.9)}; }`

/** What its `http` block begins with. */
export const nginxHttp = (directory: string): string => `
  client_body_temp_path ${directory};
  proxy_temp_path ${directory};
  fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory};
  scgi_temp_path ${directory};
  keepalive_requests 100000000;
  keepalive_timeout ${KEEP_ALIVE}ms;
  client_max_body_size 0;`

const configurationOf = ({ directory, port, upstreamPort, descriptors }: Setup): string => `
${nginxBasics(directory, descriptors)}
http {${nginxHttp(directory)}
  access_log /dev/stdout;
  upstream api { server 127.0.0.1:${upstreamPort}; keepalive 1024; }
  map $http_upgrade $to_upstream { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection $to_upstream;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id;
      add_header X-Request-Id $request_id;
    }
  }
}
`
