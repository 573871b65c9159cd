// The stand-in for Feide as a service of docker/compose.yaml. It listens on every address of its
// container, and compose says who reaches that.
import { startFeide } from './feide.ts'
import { needed, runService } from './service.ts'

const issuer = needed('FEIDE_ISSUER')
const port = Number(new URL(issuer).port)
await runService(
  'the stand-in for Feide',
  startFeide({ port, host: '0.0.0.0', allowRemote: true, issuer }),
)
