/** A statement made ready when its document is read: what is costly about patterns is done once. */
import { requirementOf, type Requirement } from './conditions.ts'
import type { ContextReader } from './context.ts'
import type { Either, Principals, Statement, Version } from './language.ts'
import { anyOf, fits, fold, globOf, type Token } from './match.ts'
import { isExcepted, naming, type Asker, type Naming } from './principal.ts'
import { fill, isConstant, keysOf, templateOf, type Template } from './variables.ts'

export interface Rule {
  readonly statement: Statement
  /** How it names the asker; `bearer` when it is about whomever it is attached to. */
  readonly names: (asker: Asker) => Naming | 'bearer' | undefined
  /** Of an action in lower case. */
  readonly action: (action: string) => boolean
  readonly resource: (resource: string, read: ContextReader) => boolean
  /** The keys of the variables among its resources. */
  readonly resourceKeys: readonly string[]
  readonly requirements: readonly Requirement[]
}

/** Whom a statement without principals is about: nobody, where somebody should be named. */
export type Unnamed = 'bearer' | undefined

export function ruleOf(statement: Statement, version: Version, unnamed: Unnamed): Rule {
  const { principal, action, resource, conditions, effect } = statement
  const templates = resource ? resource.of.map((text) => resourceTemplate(text, version)) : []
  return {
    statement,
    names: principal ? namer(principal, effect) : () => unnamed,
    action: action ? either(action, anyOf(action.of.map(fold))) : () => false,
    resource: resource ? either(resource, resourceTest(resource.of, templates)) : () => false,
    resourceKeys: templates.flatMap(keysOf),
    requirements: conditions.map((condition) => requirementOf(condition, version)),
  }
}

function either<A extends unknown[]>(
  { not }: Either<unknown>,
  says: (...about: A) => boolean,
): (...about: A) => boolean {
  return not ? (...about) => !says(...about) : says
}

/** All but the excepted are everyone. */
function namer({ not, of }: Either<Principals>, effect: Statement['effect']): Rule['names'] {
  if (!not) return (asker) => naming(of, asker)
  return (asker) => (isExcepted(of, asker, effect) ? undefined : 'everyone')
}

const COMPONENTS = /^(?:[^:]*:){5}/

/** Variables are in what follows the fifth colon alone. */
function resourceTemplate(text: string, version: Version): Template {
  const head = COMPONENTS.exec(text)?.[0] ?? text
  return [
    ...templateOf(head, { wildcards: true }),
    ...templateOf(text.slice(head.length), { wildcards: true, variables: version === '2012-10-17' }),
  ]
}

function resourceTest(texts: readonly string[], templates: readonly Template[]): Rule['resource'] {
  if (texts.includes('*')) return () => true
  const globs = templates.filter(isConstant).map((template) => globOf(template as Token[]))
  const variable = templates.filter((template) => !isConstant(template))
  if (variable.length === 0) return (resource) => globs.some((glob) => fits(glob, resource))
  return (resource, read) =>
    globs.some((glob) => fits(glob, resource)) ||
    variable.some((template) => {
      const filled = fill(template, read)
      return filled !== undefined && fits(globOf(filled as Token[]), resource)
    })
}
