import { createServer } from 'node:http'
import dataportenapi, { type Dataporten } from 'dataportenapi'
import express, { type ErrorRequestHandler, type Express, type Request } from 'express'
import { listen, type Running } from './listen.ts'

export interface LegacyApiOptions {
  /** 0 takes any free port. */
  readonly port: number
  /** The address to listen on; that of this machine alone unless told otherwise. */
  readonly host?: string
  /** What the gatekeeper proves itself with, as the Basic user `dataporten`. */
  readonly password: string
}

interface Course {
  readonly id: string
  readonly title: string
}

/**
 * Starts an API as they were written for the retired gatekeeper: Express with the npm package
 * `dataportenapi`, unmodified. It knows nothing of tokens and believes the headers it gets.
 */
export const startLegacyApi = ({ port, host, password }: LegacyApiOptions): Promise<Running> =>
  listen(createServer(legacyApi(password)), port, host)

const legacyApi = (password: string): Express => {
  const fc = new dataportenapi.DataportenAPI({ password })
  const app = express()
  app.use(fc.cors())
  app.get('/health', (_req, res) => void res.json({ status: 'ok' }))
  app.use(fc.setup(), express.json())
  addCourses(app, fc.policy({ requireUser: true }))
  app.get('/me', (req, res) => void res.json({ ...greeting(req, 'this is you'), ...nameOf(req) }))
  app.all('/admin{/*rest}', (req, res) => void res.json(greeting(req, 'you are an administrator')))
  app.use(failed)
  return app
}

const addCourses = (app: Express, requireUser: express.RequestHandler): void => {
  const courses = new Map<string, Course>()
  const add = (id: string, title: string): Course => {
    courses.set(id, { id, title })
    return { id, title }
  }
  add('inf1000', 'Programming')
  add('mat1100', 'Calculus')

  app.get('/courses', (req, res) => {
    res.json({ ...greeting(req, 'hooray! welcome to our api!'), courses: [...courses.values()] })
  })
  app.get('/courses/:id', (req, res) => {
    const course = courses.get(req.params.id)
    if (!course) return void res.status(404).json({ message: 'no such course' })
    res.json({ ...greeting(req, 'one course'), course })
  })
  app.post('/courses', requireUser, (req, res) => {
    const title: unknown = req.body?.title
    if (typeof title !== 'string') return void res.status(400).json({ message: 'title is missing' })
    const course = add(`course-${courses.size + 1}`, title)
    res.status(201).json({ ...greeting(req, 'the course was added'), course })
  })
}

type WithDataporten = Request & { readonly dataporten: Dataporten }

// The answer of the package's README, plus the headers that came, so that a caller can see them.
const greeting = (req: Request, message: string) => {
  const { userid, useridsec, clientid, scopes } = (req as WithDataporten).dataporten
  return {
    message,
    youMustBe: userid,
    alsoKnownAs: useridsec,
    accessingUsingThisClient: clientid,
    withTheseSubScopes: scopes,
    received: identityHeaders(req),
  }
}

const identityHeaders = (req: Request) =>
  Object.fromEntries(
    Object.entries(req.headers).filter(([name]) => /^x[-_](dataporten|user)[-_]/.test(name)),
  )

// The gateway percent-encodes the name, since a header cannot carry every letter.
const nameOf = (req: Request) => {
  const encoded = req.get('x-user-name')
  return encoded === undefined ? {} : { name: decodeURIComponent(encoded) }
}

// `policy()` of the package throws a plain Error: such APIs answer 500, as its `setup()` does.
const failed: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(error.status ?? 500).json({ message: error.message })
}
