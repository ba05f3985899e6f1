/**
 * Checks an input against the API model, in AWS's words: a wrong type is a SerializationException, and every violated
 * constraint is told at once in one ValidationException.
 *
 * Each shape is compiled once into a `Rule`. Good inputs, which are nearly all, meet only `holds`, which allocates
 * nothing; `explain` walks again when it said no, and may take its time.
 */

/// <reference lib="es2024.string" />
import { types } from 'node:util'
import { fail } from '../errors.ts'
import { OPERATIONS, SHAPES, type OperationName, type Shape } from './kms.ts'
import { mismatch } from './mismatch.ts'

interface Rule {
  holds(value: unknown): boolean
  /** Adds to `found` what is wrong with a value that is present, or refuses its type. */
  explain(value: unknown, path: string, found: string[]): void
}

/** What may be wrong with a value of the right type. */
interface Constraint<T> {
  holds(value: T): boolean
  text: string
}

interface Bounds {
  readonly min?: number
  readonly max?: number
}

type Row<Type extends Shape['type']> = Extract<Shape, { type: Type }>

/** A body of 256 KiB could break tens of thousands of constraints; sibling services stop telling at ten, too. */
const TOLD = 10

const MUST_NOT_BE_NULL = 'Member must not be null'

const NOTHING = Object.freeze({})

const validators = new Map<OperationName, (input: unknown) => void>()
const rules = new Map<string, Rule>()

/** The check of an operation's input; an input of `undefined` or `null` is one without members. */
export function validator<N extends OperationName>(name: N): (input: unknown) => void {
  let validate = validators.get(name)
  if (!validate) {
    const rule = ruleOf(OPERATIONS[name].input)
    validate = (input) => {
      const given = input ?? NOTHING
      if (!rule.holds(given)) complain(rule, given)
    }
    validators.set(name, validate)
  }
  return validate
}

function complain(rule: Rule, input: unknown): never {
  const found: string[] = []
  rule.explain(input, '', found)
  // Only an object whose getters answer differently each time gets here with nothing found.
  if (found.length === 0) fail('SerializationException', 'the input changed while it was read')
  const count = found.length === 1 ? '1 validation error detected' : `${found.length} validation errors detected`
  fail('ValidationException', `${count}: ${found.join('; ')}`)
}

function ruleOf(name: string): Rule {
  let rule = rules.get(name)
  if (!rule) rules.set(name, (rule = compile((SHAPES as Record<string, Shape>)[name]!)))
  return rule
}

function compile(shape: Shape): Rule {
  switch (shape.type) {
    case 'structure':
      return structure(shape)
    case 'list':
      return list(shape)
    case 'map':
      return map(shape)
    case 'string':
      return scalar(shape, isText, stringConstraints(shape))
    case 'blob':
      return scalar(shape, types.isUint8Array, lengths(shape), showBytes)
    case 'integer':
      return scalar(shape, isInt32, range(shape))
    case 'boolean':
      return scalar(shape, isBoolean, [])
    case 'timestamp':
      return scalar(shape, isDate, [])
  }
}

function structure(shape: Row<'structure'>): Rule {
  const members = Object.entries(shape.members).map(([name, target]) => ({
    name,
    told: name.charAt(0).toLowerCase() + name.slice(1),
    required: shape.required?.includes(name) ?? false,
    rule: ruleOf(target),
  }))
  return {
    holds(value) {
      if (!isStructure(value)) return false
      for (let i = 0; i < members.length; i++) {
        const member = members[i]!
        const it = value[member.name]
        if (it === undefined || it === null) {
          if (member.required) return false
        } else if (!member.rule.holds(it)) return false
      }
      return true
    },
    explain(value, path, found) {
      if (!isStructure(value)) mismatch(value, 'structure')
      for (const { name, told, required, rule } of members) {
        const at = path ? `${path}.${told}` : told
        const it = value[name] ?? null
        if (it !== null) rule.explain(it, at, found)
        else if (required) tell(found, 'Value null', at, MUST_NOT_BE_NULL)
      }
    },
  }
}

/**
 * Structures in a list answer for themselves, as `tags.1.member.tagKey`. Of strings AWS tells the whole list and all that
 * each must satisfy (recorded of ACM, Lambda and Config; unconfirmed of KMS).
 */
function list(shape: Row<'list'>): Rule {
  const rule = ruleOf(shape.member)
  const member = (SHAPES as Record<string, Shape>)[shape.member]!
  const texts = member.type === 'string' ? stringConstraints(member).map(({ text }) => text) : undefined
  const constraints = lengths(shape)
  return {
    holds(value) {
      if (!Array.isArray(value) || !all(constraints, value)) return false
      for (let i = 0; i < value.length; i++) if (!rule.holds(value[i])) return false
      return true
    },
    explain(value, path, found) {
      if (!Array.isArray(value)) mismatch(value, 'list')
      const inside: string[] = []
      for (let i = 0; i < value.length; i++) item(rule, value[i], `${path}.${i + 1}.member`, inside)
      // Only now is every element known to be of its type, and safe to show; structures are not shown, they may hold secrets.
      const shown = texts ? `Value '[${value.join(', ')}]'` : 'Value'
      for (const { holds, text } of constraints) if (!holds(value)) tell(found, shown, path, text)
      if (!texts) found.push(...inside.slice(0, TOLD - found.length))
      else if (inside.length > 0) {
        const nulls = value.some((it) => it === null || it === undefined) ? [MUST_NOT_BE_NULL] : []
        tell(found, shown, path, `Member must satisfy constraint: [${[...texts, ...nulls].join(', ')}]`)
      }
    },
  }
}

/** A map is a plain object: anything else could answer differently to the next reader. */
function map(shape: Row<'map'>): Rule {
  const key = ruleOf(shape.key)
  const rule = ruleOf(shape.value)
  return {
    holds(value) {
      if (!isPlain(value)) return false
      for (const name in value) if (name === '__proto__' || !key.holds(name) || !rule.holds(value[name])) return false
      return true
    },
    explain(value, path, found) {
      if (typeof value !== 'object' || Array.isArray(value)) mismatch(value, 'map')
      if (!isPlain(value)) fail('SerializationException', 'a map must be a plain object')
      for (const name in value) {
        if (name === '__proto__') fail('SerializationException', 'the key `__proto__` is not allowed')
        key.explain(name, path, found)
        item(rule, value[name], `${path}.${name}.member`, found)
      }
    },
  }
}

/** An element of a list or map, which may not be null. */
function item(rule: Rule, value: unknown, path: string, found: string[]): void {
  if (value === null || value === undefined) tell(found, 'Value null', path, MUST_NOT_BE_NULL)
  else rule.explain(value, path, found)
}

function scalar<T>(
  shape: Shape & { sensitive?: true },
  is: (value: unknown) => value is T,
  constraints: readonly Constraint<T>[],
  show: (value: T) => string = String,
): Rule {
  return {
    holds: constraints.length === 0 ? is : (value) => is(value) && all(constraints, value),
    explain(value, path, found) {
      if (!is(value)) mismatch(value, shape.type)
      for (const { holds, text } of constraints) {
        if (!holds(value)) tell(found, shape.sensitive ? 'Value' : `Value '${show(value)}'`, path, text)
      }
    },
  }
}

function all<T>(constraints: readonly Constraint<T>[], value: T): boolean {
  for (let i = 0; i < constraints.length; i++) if (!constraints[i]!.holds(value)) return false
  return true
}

/** Notes one violation of the value shown, unless enough are told. */
function tell(found: string[], value: string, path: string, text: string): void {
  if (found.length < TOLD) found.push(`${value} at '${path}' failed to satisfy constraint: ${text}`)
}

function stringConstraints(shape: Row<'string'>): Constraint<string>[] {
  const constraints: Constraint<string>[] = lengths(shape)
  if (shape.pattern !== undefined) {
    const pattern = compilePattern(shape.pattern)
    constraints.push({
      holds: (value) => pattern.test(value),
      text: `Member must satisfy regular expression pattern: ${shape.pattern}`,
    })
  }
  if (shape.enum) {
    const values = new Set(shape.enum)
    constraints.push({
      holds: (value) => values.has(value),
      text: `Member must satisfy enum value set: [${shape.enum.join(', ')}]`,
    })
  }
  return constraints
}

/**
 * AWS matches a pattern against the whole value, anchored or not, and its `\s` is ASCII's, where JavaScript's is Unicode's.
 * (The model has `\s` only inside a class.)
 */
const compilePattern = (pattern: string): RegExp => new RegExp(`^(?:${pattern.replace('\\s', ' \\t\\n\\v\\f\\r')})$`)

/** Strings are counted in UTF-16 units, as Java's `length()` does; blobs in bytes; lists in elements. */
function lengths({ min = 0, max = Infinity }: Bounds): Constraint<{ readonly length: number }>[] {
  const atMost = { holds: (it: { readonly length: number }) => it.length <= max, text: lengthText('less', max) }
  const atLeast = { holds: (it: { readonly length: number }) => it.length >= min, text: lengthText('greater', min) }
  return [...(max < Infinity ? [atMost] : []), ...(min > 0 ? [atLeast] : [])]
}

function range({ min = -Infinity, max = Infinity }: Bounds): Constraint<number>[] {
  const atMost = { holds: (it: number) => it <= max, text: `Member must have value less than or equal to ${max}` }
  const atLeast = { holds: (it: number) => it >= min, text: `Member must have value greater than or equal to ${min}` }
  return [...(max < Infinity ? [atMost] : []), ...(min > -Infinity ? [atLeast] : [])]
}

const lengthText = (than: 'less' | 'greater', length: number): string =>
  `Member must have length ${than} than or equal to ${length}`

const isStructure = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A lone surrogate has no UTF-8: two encryption contexts that differ in one alone would become the same bytes. */
const isText = (value: unknown): value is string => typeof value === 'string' && value.isWellFormed()

const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'

const isDate = (value: unknown): value is Date => types.isDate(value) && !Number.isNaN(value.getTime())

const isInt32 = (value: unknown): value is number => typeof value === 'number' && (value | 0) === value

/** What Java prints for a buffer, and so what AWS does. */
const showBytes = ({ length }: Uint8Array): string => `java.nio.HeapByteBuffer[pos=0 lim=${length} cap=${length}]`
