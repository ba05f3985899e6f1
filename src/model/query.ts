/** Walkers over the models of services that speak the query protocol: parameters to values, and values to XML. */
import { fail } from '../errors.ts'

export interface QueryModel {
  readonly version: string
  readonly namespace: string
  readonly operations: Readonly<Record<string, QueryOperation>>
  readonly shapes: Readonly<Record<string, QueryShape>>
}

export interface QueryOperation {
  readonly input?: string
  readonly output?: string
  /** What the answer's members are wrapped in. */
  readonly result?: string
}

export interface QueryShape {
  readonly type: 'structure' | 'list' | 'string' | 'integer' | 'boolean' | 'timestamp'
  readonly members?: Readonly<Record<string, string>>
  readonly required?: readonly string[]
  readonly member?: string
  readonly enum?: readonly string[]
  readonly min?: number
  readonly max?: number
  readonly pattern?: string
}

export type Parameters = ReadonlyMap<string, string>
/** A form, and what it speaks of. */
interface Form {
  readonly parameters: Parameters
  readonly places: ReadonlySet<string>
}

export type Value =
  string | number | boolean | Date | readonly Value[] | { readonly [member: string]: Value | undefined }

/** The input of an operation. Throws ValidationError that tells of all that is amiss. */
function readInput({ shapes }: QueryModel, shape: string | undefined, parameters: Parameters): unknown {
  if (shape === undefined) return {}
  const problems: string[] = []
  const value = read(shapes, shape, '', { parameters, places: placesOf(parameters) }, problems) ?? {}
  if (problems.length === 0) return value
  const detected = problems.length === 1 ? '1 validation error' : `${problems.length} validation errors`
  fail('ValidationError', `${detected} detected: ${problems.join('; ')}`)
}

/** Items a list has at most where the model names no number, so that a form of many is not gone through for each. */
const LONGEST = 1000

type Shapes = QueryModel['shapes']

function read(shapes: Shapes, name: string, at: string, form: Form, problems: string[]): Value | undefined {
  const shape = shapes[name]!
  if (shape.type === 'structure') return readStructure(shapes, shape, at, form, problems)
  if (shape.type === 'list') return readList(shapes, shape, at, form, problems)
  const text = form.parameters.get(at)
  if (text === undefined) return undefined
  const value = scalar(shape, text)
  if (value === undefined) problems.push(told(text, at, `be a ${shape.type}`))
  else problems.push(...violations(shape, value, text, at))
  return value
}

function readStructure(
  shapes: Shapes,
  { members = {}, required = [] }: QueryShape,
  at: string,
  form: Form,
  problems: string[],
): Value | undefined {
  if (at !== '' && !form.places.has(at)) return undefined
  const value: Record<string, Value | undefined> = {}
  for (const [member, shape] of Object.entries(members)) {
    const place = at === '' ? member : `${at}.${member}`
    const found = read(shapes, shape, place, form, problems)
    if (found !== undefined) value[member] = found
    else if (required.includes(member)) {
      problems.push(`Value null at '${spelled(place)}' failed to satisfy constraint: Member must not be null`)
    }
  }
  return value
}

function readList(
  shapes: Shapes,
  { member, max }: QueryShape,
  at: string,
  form: Form,
  problems: string[],
): Value | undefined {
  const items: Value[] = []
  // One too many tells that there are too many.
  for (let i = 1; i <= (max ?? LONGEST) + 1 && form.places.has(`${at}.member.${i}`); i++) {
    items.push(read(shapes, member!, `${at}.member.${i}`, form, problems) ?? '')
  }
  if (items.length > (max ?? LONGEST))
    problems.push(told('[...]', at, `have length less than or equal to ${max ?? LONGEST}`))
  // A list that is sent empty is an empty one; one that is not sent is none.
  return items.length > 0 || form.parameters.has(at) ? items : undefined
}

/** All that something is said of: itself, or a part of it. Collected once, for forms can be long. */
function placesOf(parameters: Parameters): ReadonlySet<string> {
  const places = new Set<string>()
  for (const name of parameters.keys()) {
    if (name.length > LONGEST_NAME) continue
    for (let end = name.length; end > 0; end = name.lastIndexOf('.', end - 1)) places.add(name.slice(0, end))
  }
  return places
}

/** No member of a model has a longer place. */
const LONGEST_NAME = 200

function scalar({ type }: QueryShape, text: string): Value | undefined {
  if (type === 'integer') return /^-?\d{1,10}$/.test(text) ? Number(text) : undefined
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  if (type === 'timestamp') return Number.isNaN(Date.parse(text)) ? undefined : new Date(text)
  return text
}

function violations({ min, max, pattern, enum: values }: QueryShape, value: Value, text: string, at: string): string[] {
  const amount = typeof value === 'number' ? value : text.length
  const what = typeof value === 'number' ? 'value' : 'length'
  return [
    min !== undefined && amount < min && `have ${what} greater than or equal to ${min}`,
    max !== undefined && amount > max && `have ${what} less than or equal to ${max}`,
    pattern !== undefined && !matcher(pattern).test(text) && `satisfy regular expression pattern: ${pattern}`,
    values !== undefined && !values.includes(text) && `satisfy enum value set: [${values.join(', ')}]`,
  ]
    .filter((problem) => problem !== false)
    .map((problem) => told(text, at, problem))
}

function told(text: string, at: string, constraint: string): string {
  return `Value '${text}' at '${spelled(at)}' failed to satisfy constraint: Member must ${constraint}`
}

/** Places begin in lower case, as AWS spells them. */
function spelled(at: string): string {
  return at.replace(/(^|\.)([A-Z])/g, (_, dot: string, letter: string) => dot + letter.toLowerCase())
}

const MATCHERS = new Map<string, RegExp>()

function matcher(pattern: string): RegExp {
  let found = MATCHERS.get(pattern)
  if (!found) MATCHERS.set(pattern, (found = new RegExp(`^(?:${pattern})$`, 'su')))
  return found
}

/** A service that does with each input what `act` does, and answers with what that comes to. */
export function serviceOf<I, C extends { readonly requestId: string }>(
  model: QueryModel,
  act: (name: string, input: I, context: C) => object | Promise<object>,
) {
  return {
    namespace: model.namespace,
    async call(parameters: Parameters, context: C): Promise<string> {
      const name = parameters.get('Action') ?? ''
      if (!Object.hasOwn(model.operations, name)) {
        fail('InvalidAction', `Could not find operation ${name} for version ${model.version}`)
      }
      const input = readInput(model, model.operations[name]!.input, parameters) as I
      return answerOf(model, name, await act(name, input, context), context.requestId)
    },
  }
}

/** The whole answer of an operation. */
function answerOf(model: QueryModel, name: string, output: unknown, requestId: string): string {
  const { output: shape, result } = model.operations[name]!
  const body = shape === undefined ? '' : members(model.shapes, shape, output as Readonly<Record<string, Value>>)
  const wrapped = result === undefined ? '' : `<${result}>${body}</${result}>`
  const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`
  return `<${name}Response xmlns="${model.namespace}">${wrapped}${metadata}</${name}Response>`
}

function members(shapes: Shapes, name: string, value: Readonly<Record<string, Value | undefined>>): string {
  return Object.entries(shapes[name]!.members ?? {})
    .map(([member, shape]) => element(shapes, shape, member, value[member]))
    .join('')
}

function element(shapes: Shapes, name: string, tag: string, value: Value | undefined): string {
  if (value === undefined) return ''
  const shape = shapes[name]!
  if (shape.type === 'structure') return `<${tag}>${members(shapes, name, value as never)}</${tag}>`
  if (shape.type === 'list') {
    const items = (value as readonly Value[]).map((item) => element(shapes, shape.member!, 'member', item))
    return `<${tag}>${items.join('')}</${tag}>`
  }
  const text = value instanceof Date ? instant(value) : `${value as string | number | boolean}`
  return `<${tag}>${escaped(text)}</${tag}>`
}

function instant(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}

/** Characters that XML has no way to write are left out. */
function escaped(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '')
    .replace(/[&<>"\r]/g, (character) => `&#${character.charCodeAt(0)};`)
}
