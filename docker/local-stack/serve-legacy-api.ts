// The legacy API on `dataportenapi` as a service of docker/compose.yaml.
import { startLegacyApi } from './legacy-api.ts'
import { needed, runService } from './service.ts'

const password = needed('GRADES_PASSWORD')
const port = Number(process.env.PORT ?? 3000)
await runService('the legacy API', startLegacyApi({ port, host: '0.0.0.0', password }))
