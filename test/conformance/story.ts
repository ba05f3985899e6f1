/** Stories: conversations with the KMS as data, and the check that they are well told before anybody plays them. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { OPERATIONS, SHAPES, type OperationName } from '../../src/model/kms.ts'
import { MAKES } from './workbench.ts'

export interface Story {
  /** The file it stands in, without its ending: a group of operations. */
  readonly group: string
  /** A sentence. */
  readonly title: string
  readonly room: { readonly settleMillis?: number }
  /** Requests that `each` sends, all of them, with those of its own members added that the operation has. */
  readonly requests: Requests
  readonly steps: readonly Step[]
}

/** JSON; see `values.ts` for what stands for what. */
export type Template = string | number | boolean | null | readonly Template[] | { readonly [name: string]: Template }

export type Requests = Readonly<Partial<Record<OperationName, Readonly<Record<string, Template>>>>>

export type Step = Asking | Waiting | Making

/** One call, or several of which the same is expected: `calls`, or the requests of the story for `each`. */
export interface Asking {
  readonly call?: OperationName
  readonly input?: Template
  readonly calls?: Requests
  readonly each?: Readonly<Record<string, Template>>
  /** The account that asks; the room's own by default. */
  readonly as?: string
  readonly region?: string
  /** How often to ask; `${i}` counts from 0. What is expected, is expected each time. */
  readonly times?: number
  /** A part of the answer; or the code of an `error`, and its `message`. */
  readonly expect?: Record<string, Template>
  readonly save?: Readonly<Record<string, string>>
}

export interface Waiting {
  /** `+8 days`, `+20 minutes`. */
  readonly clock: string
}

/** Something a caller prepares at home: `make` says what, `from` of what, `save` under which name. */
export interface Making {
  readonly make: string
  readonly from: Template
  readonly save: string
}

/** The requests that a step with `each` sends. */
export function requestsWith(requests: Requests, each: Readonly<Record<string, Template>>): [string, Template][] {
  return Object.entries(requests).map(([name, input]) => {
    const members = membersOf(OPERATIONS[name as OperationName]?.input ?? '')
    const added = Object.entries(each).filter(([member]) => Object.hasOwn(members, member))
    return [name, { ...input, ...Object.fromEntries(added) }]
  })
}

const FOLDER = new URL('stories/', import.meta.url)

/** All stories, in the order of their files. Throws, with every complaint, when one is badly told. */
export function readStories(): Story[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))
  return files.sort().flatMap((file) => parseStories(readFileSync(new URL(file, FOLDER), 'utf8'), file))
}

/** The stories of one file: a list of `{ title, steps }`. */
export function parseStories(text: string, file: string): Story[] {
  const told = JSON.parse(text) as unknown
  const complaints: string[] = []
  const complain: Complain = (where, what) => {
    complaints.push(`${file}: ${where}: ${what}`)
  }
  if (!Array.isArray(told)) throw new StoryError(`${file}: a file of stories is a list`)
  const titles = new Set<unknown>()
  told.forEach((story: unknown, i) => {
    if (!isRecord(story)) {
      complain(`story ${i + 1}`, 'is no object')
      return
    }
    const where = typeof story.title === 'string' && story.title !== '' ? `“${story.title}”` : `story ${i + 1}`
    if (where === `story ${i + 1}`) complain(where, 'has no title')
    if (titles.has(story.title)) complain(where, 'is told twice')
    titles.add(story.title)
    known(story, ['title', 'room', 'requests', 'steps'], where, complain)
    if (!Array.isArray(story.steps) || story.steps.length === 0) {
      complain(where, 'has no steps')
      return
    }
    const saved = new Set<string>(ALWAYS_SAVED)
    story.steps.forEach((step: unknown, n) =>
      checkStep(step, requestsOf(story), `${where}, step ${n + 1}`, saved, complain),
    )
  })
  if (complaints.length > 0) throw new StoryError(complaints.join('\n'))
  const group = basename(file, '.json')
  return (told as Omit<Story, 'group'>[]).map((story) => ({
    ...story,
    room: story.room ?? {},
    requests: story.requests ?? {},
    group,
  }))
}

class StoryError extends Error {
  override readonly name = 'StoryError'
}

/** Names every story may refer to; see `play.ts`. */
export const ALWAYS_SAVED = ['i', 'account', 'stranger', 'nowhere']

type Complain = (where: string, what: string) => void

function checkStep(
  step: unknown,
  requests: Record<string, unknown>,
  where: string,
  saved: Set<string>,
  complain: Complain,
): void {
  if (!isRecord(step)) {
    complain(where, 'is no object')
    return
  }
  if ('clock' in step) {
    known(step, ['clock'], where, complain)
    if (typeof step.clock !== 'string' || !CLOCK.test(step.clock)) complain(where, 'clock is no time such as `+8 days`')
  } else if ('make' in step) {
    known(step, ['make', 'from', 'save'], where, complain)
    const wanted = MAKES[String(step.make)]
    if (!wanted) {
      complain(where, `there is no \`${String(step.make)}\` to make`)
      return
    }
    for (const part of wanted) {
      if (!isRecord(step.from) || !(part in step.from)) complain(where, `\`${String(step.make)}\` needs \`${part}\``)
    }
    refer(step.from, where, saved, complain)
    if (typeof step.save !== 'string') {
      complain(where, 'save is the name of what is made')
      return
    }
    saved.add(step.save)
  } else {
    checkAsking(step, requests, where, saved, complain)
  }
}

/** A number, and minutes, hours or days. */
export const CLOCK = /^\+(\d+) (minute|hour|day)s?$/

function checkAsking(
  step: Record<string, unknown>,
  requests: Record<string, unknown>,
  where: string,
  saved: Set<string>,
  complain: Complain,
): void {
  known(step, ['call', 'input', 'calls', 'each', 'as', 'region', 'times', 'expect', 'save'], where, complain)
  if (['call', 'calls', 'each'].filter((kind) => kind in step).length !== 1) {
    complain(where, 'wants one of `call`, `calls`, `each`, `clock` and `make`')
    return
  }
  const { each } = step
  const several = isRecord(each)
    ? requestsWith(requests, each as Record<string, Template>)
    : isRecord(step.calls)
      ? Object.entries(step.calls)
      : undefined
  for (const member of Object.keys(isRecord(each) ? each : {})) {
    if (!several?.some(([, input]) => Object.hasOwn(input as object, member)))
      complain(where, `no request has a \`${member}\``)
  }
  const calls = several ?? [[String(step.call), step.input ?? {}] as const]
  for (const [name, input] of calls) {
    if (!Object.hasOwn(OPERATIONS, name)) complain(where, `AWS KMS has no operation \`${name}\``)
    else checkMembers(input, OPERATIONS[name as OperationName].input, `${where}, ${name}`, complain)
    refer(input, where, saved, complain)
  }
  refer([step.as ?? '', step.expect ?? ''], where, saved, complain)
  if (isRecord(step.expect) && 'error' in step.expect) known(step.expect, ['error', 'message'], where, complain)
  else if (isRecord(step.expect)) {
    for (const [name] of calls) {
      const output = (OPERATIONS[name as OperationName] as { output?: string } | undefined)?.output
      if (output) checkMembers(step.expect, output, `${where}, answer`, complain)
    }
  }
  if (step.save === undefined) return
  if (!isRecord(step.save)) {
    complain(where, 'save maps names to places in the answer')
    return
  }
  for (const name of Object.keys(step.save)) saved.add(name)
}

/** The top-level members must be those of the shape: a misspelt one would be ignored, as AWS does. */
function checkMembers(value: unknown, shape: string, where: string, complain: Complain): void {
  if (!isRecord(value)) return
  known(value, Object.keys(membersOf(shape)), where, complain)
}

function membersOf(shape: string): object {
  return (SHAPES as Record<string, { members?: object }>)[shape]?.members ?? {}
}

/** Whatever is referred to must have been saved before. */
function refer(value: unknown, where: string, saved: ReadonlySet<string>, complain: Complain): void {
  if (typeof value === 'string') {
    const [, whole] = /^\$(\w+)$/.exec(value) ?? []
    const names = whole === undefined ? [...value.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!) : [whole]
    for (const name of names) {
      const isMatcher = whole !== undefined && MATCHERS.has(value)
      if (!isMatcher && !saved.has(name)) complain(where, `nothing was saved as \`${name}\``)
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) {
      if (name.startsWith('$') && !FORMS.has(name)) complain(where, `\`${name}\` stands for nothing`)
      refer(part, where, saved, complain)
    }
  }
}

/** Strings that stand for any value of a kind, in what is expected. */
export const MATCHERS: ReadonlySet<string> = new Set(['$any', '$uuid', '$hex64', '$date', '$absent'])

/** Objects that stand for a value, by their one member. */
export const FORMS: ReadonlySet<string> = new Set([
  '$utf8',
  '$base64',
  '$date',
  '$zeros',
  '$flip',
  '$repeat',
  '$match',
  '$size',
  '$not',
])

function requestsOf(story: Record<string, unknown>): Record<string, unknown> {
  return isRecord(story.requests) ? story.requests : {}
}

function known(value: Record<string, unknown>, names: readonly string[], where: string, complain: Complain): void {
  for (const name of Object.keys(value)) if (!names.includes(name)) complain(where, `unknown member \`${name}\``)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
