import type { Contestant } from '../contestant.ts'
import { express } from './express.ts'
import { fastify } from './fastify.ts'
import { gateway } from './gateway.ts'
import { haproxy } from './haproxy.ts'
import { nginx } from './nginx.ts'

export const CONTESTANTS: readonly Contestant[] = [gateway, nginx, haproxy, fastify, express]
