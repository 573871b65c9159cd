import type { Insight } from '../../policy/parse.ts'
import type { PolicyFile } from '../../policy/schema.ts'
import type { Path } from '../../policy/source.ts'
import { headerMutants } from './mutations-headers.ts'
import { mutant, routeMutants } from './mutations-routes.ts'

/** A policy with one thing taken out of it. */
export interface Mutation {
  /** What is gone. */
  readonly what: string
  /** Where it stood in the file. */
  readonly path: Path
  readonly shape: PolicyFile
}

/** Every policy that has one scope, route or restriction less than this one. */
export function mutationsOf({
  shape,
  isWritten,
}: Pick<Insight, 'shape' | 'isWritten'>): Mutation[] {
  return Object.entries(shape.dataSources).flatMap(([id, dataSource]) => {
    const path = ['dataSources', id]
    const mutants = [
      ...Object.keys(dataSource.routes).flatMap(key => routeMutants(dataSource, key)),
      ...headerMutants(dataSource),
      ...(isWritten([...path, 'maxBody']) && dataSource.maxBody !== 'none'
        ? [mutant('maxBody', ['maxBody'], { ...dataSource, maxBody: 'none' as const })]
        : []),
      ...(dataSource.enforce
        ? []
        : [mutant('enforce: false', ['enforce'], { ...dataSource, enforce: true })]),
    ]
    return mutants.map(({ what, path: at, dataSource: changed }) => ({
      what,
      path: [...path, ...at],
      shape: { ...shape, dataSources: { ...shape.dataSources, [id]: changed } },
    }))
  })
}
