import { AUDIENCE } from '../support/issuer.ts'
import { type Stage, stage } from './stage.ts'

/** Two data sources that inject, strip and allow headers by name, for what callers try to forge. */
export const headerStage = (): Stage =>
  stage(upstream => ({
    dataSources: {
      grades: {
        headers: {
          inject: { 'X-User-Name': { claim: 'name' } },
          strip: ['X-Remote-User'],
          allow: ['api_key', 'X.Trace', 'X_Remote_User', 'x_dataporten_userid', 'Remote_User'],
        },
        routes: {
          'GET /courses': { scopes: ['read'] },
          'POST /courses': { scopes: ['append'] },
          'GET /health': 'public',
          'POST /health': 'public',
        },
      },
      exams: {
        audience: AUDIENCE,
        hosts: ['exams.example.no'],
        upstream: { url: upstream.url },
        headers: { inject: { 'X-Other-Name': { claim: 'name' } }, strip: ['Remote-User'] },
        routes: { 'GET /exams': 'public' },
      },
    },
  }))
